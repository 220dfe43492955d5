import { EnginelightError, type CheckoutHolder } from '../channels/errors.ts'
import { settledWithin } from '../clock/deadline.ts'
import { takesPart } from '../engines/engine-config.ts'
import type { Engine } from '../engines/engine.ts'
import type { SessionCore } from '../sessions/session.ts'
import type { Session } from '../sessions/session-types.ts'
import type { EndedWork } from './close-report.ts'

export type EngineStatus = 'initialized' | 'started' | 'ended'

/** A session, and whether its connection is confirmed released. */
export interface Started {
  readonly core: SessionCore
  readonly session: Session
  released: boolean
}

/** The engines that a container can start sessions on. */
export interface StartableEngines {
  readonly engines: ReadonlyMap<string, Engine>
  readonly prefer: readonly string[]
}

/** The sessions of one container, one for each engine that it touches. */
export class StartedSessions {
  #from: StartableEngines
  readonly #started = new Map<string, Started>()
  #lastWritten: string | undefined

  constructor(from: StartableEngines) {
    this.#from = from
  }

  get size(): number {
    return this.#started.size
  }

  get(name: string): Started | undefined {
    return this.#started.get(name)
  }

  all(): IterableIterator<Started> {
    return this.#started.values()
  }

  /** Switches to the engines that have replaced these, before there is any session. */
  follow(successor: StartableEngines): void {
    this.#from = successor
  }

  start(name: string, begin: (engine: Engine) => Started): Started {
    const engine = this.#from.engines.get(name)
    if (!engine) throw unknownEngine(name, [...this.#from.engines.keys()])
    const started = begin(engine)
    this.#started.set(name, started)
    return started
  }

  wrote({ engine }: SessionCore): void {
    if (engine.options.enlist === 'atomic') this.#lastWritten = engine.name
  }

  /** The engine last written here, else the first started one, else the first healthy one, in the order of `prefer`. */
  anyName(): string {
    if (this.#lastWritten !== undefined) return this.#lastWritten
    const { prefer, engines } = this.#from
    const name =
      prefer.find(one => this.#started.has(one)) ?? prefer.find(one => engines.get(one)?.healthy) ?? prefer[0]
    if (name !== undefined) return name
    throw new EnginelightError(
      'EL_UNKNOWN_ENGINE',
      'db.any has nothing to choose from: every engine is independent.',
      { known: [] },
    )
  }

  /** The sessions that take part in a commit, in the order in which their engines were declared. */
  atomic(): SessionCore[] {
    const cores: SessionCore[] = []
    for (const [name, { options }] of this.#from.engines) {
      const started = takesPart(options) ? this.#started.get(name) : undefined
      if (started) cores.push(started.core)
    }
    return cores
  }

  /** The engines with writes that would be lost if the container ended now. Not those that a request commits by itself. */
  uncommitted(): string[] {
    const isLeft = ({ core }: Started) => core.uncommitted && !core.engine.options.transactional
    return [...this.#started].filter(([, started]) => isLeft(started)).map(([name]) => name)
  }

  /** Whether a session is on one of these engines. */
  uses(engines: ReadonlySet<Engine>): boolean {
    for (const { core } of this.all()) if (engines.has(core.engine)) return true
    return false
  }

  /** Engines that were used and whose connections are not confirmed released. */
  unreleased(): string[] {
    return [...this.#started].filter(([, { released }]) => !released).map(([name]) => name)
  }

  status(): Record<string, EngineStatus> {
    const status: Record<string, EngineStatus> = {}
    for (const name of this.#from.engines.keys()) {
      const started = this.#started.get(name)
      status[name] = !started ? 'initialized' : started.released ? 'ended' : 'started'
    }
    return status
  }

  /** Whether any session of a transactional engine matches. */
  anyTransactional(isSuch: (core: SessionCore) => boolean): boolean {
    for (const { core } of this.all()) if (core.engine.options.transactional && isSuch(core)) return true
    return false
  }

  /** Whether a session that takes part in a commit is reading a stream: the commit would wait for the reader. */
  get areReading(): boolean {
    return this.atomic().some(core => core.isReading)
  }

  /**
   * Waits up to `ms` for the sessions that take part in a commit. Resolves to the engine of one that is still busy, or
   * undefined.
   */
  async whoIsBusy(ms: number): Promise<string | undefined> {
    const busy = this.atomic().filter(core => core.isBusy)
    if (busy.length > 0) await settledWithin(Promise.all(busy.map(core => core.whenIdle())), ms)
    return busy.find(core => core.isBusy)?.engine.name
  }

  /** Whether a rollback would undo something. A session with a failed statement cannot be asked, and counts. */
  async haveChanged(): Promise<boolean> {
    for (const core of this.atomic()) {
      if (core.isInTransaction && (await core.hasChanged())) return true
    }
    return false
  }

  /** The time for the hooks of a commit or rollback: the shortest `commitTimeoutMs` of the engines in use. */
  get hookTimeoutMs(): number {
    const used = this.atomic().map(({ engine }) => engine)
    const engines = used.length > 0 ? used : [...this.#from.engines.values()]
    return Math.min(...engines.map(({ options }) => options.commitTimeoutMs))
  }

  /** What each session is doing, for the report of what was ended. */
  reports(holders: readonly CheckoutHolder[]): EndedWork['sessions'] {
    return [...this.all()].map(({ core }) => ({
      engine: core.engine.name,
      state: core.state,
      holder: holders.find(({ session }) => session === core.id) ?? null,
    }))
  }
}

export function unknownEngine(name: string, known: readonly string[]): EnginelightError {
  return new EnginelightError(
    'EL_UNKNOWN_ENGINE',
    `There is no engine "${name}"; there are ${known.join(', ')}.`,
    { engine: name, known },
  )
}
