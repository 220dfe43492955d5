import { setMaxListeners } from 'node:events'
import type { Engine } from '../engines/engine.ts'
import type { EndedWork } from '../engines/close-report.ts'
import { EnginelightError, type CheckoutHolder } from '../errors.ts'
import type { RequestScope } from './request-scope.ts'
import { SessionCore, type SessionOwner } from './session.ts'
import { sessionFunction } from './session-function.ts'
import type { Session } from './session-types.ts'

export type EngineStatus = 'initialized' | 'started' | 'ended'

/** How long a statement that nobody awaited may go on after its request has finished, before it is cancelled. */
const END_GRACE_MS = 1_000

/** What the containers of one set of engines share. */
export interface ContainerSetup {
  readonly engines: ReadonlyMap<string, Engine>
  readonly prefer: readonly string[]
  /** Called when the first session of a container is made, and when the container has ended. */
  readonly opened: (container: ContainerCore) => void
  readonly closed: (container: ContainerCore) => void
}

/** What is kept about a container for those who look at it: what it belongs to. */
export interface ContainerInfo {
  /** What was given as the request, if anything. */
  request: unknown
  /** The request's id in the panel, spans and errors. */
  requestId: string
  [key: string]: unknown
}

/** One request's sessions, one for each engine that it touches. */
export class ContainerCore implements SessionOwner {
  readonly scope: RequestScope
  readonly info: ContainerInfo
  readonly #setup: ContainerSetup
  readonly #sessions = new Map<string, { core: SessionCore; session: Session }>()
  readonly #released = new Map<string, boolean>()
  #abort: AbortController | undefined
  #forgetSignal: (() => void) | undefined
  #lastWritten: string | undefined
  #ending: Promise<void> | undefined

  constructor(setup: ContainerSetup, scope: RequestScope, request: unknown, signal?: AbortSignal) {
    this.#setup = setup
    this.scope = scope
    this.info = { request, requestId: scope.id }
    if (signal) this.#endWith(signal)
  }

  #endWith(signal: AbortSignal): void {
    const onAbort = () => {
      void this.end('aborted', signal.reason).then(() => this.scope.end('aborted'))
    }
    if (signal.aborted) return onAbort()
    // One signal may end any number of containers: Node would warn of the eleventh.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', onAbort, { once: true })
    // A signal that outlives the container (a server's shutdown signal) must not collect listeners.
    this.#forgetSignal = () => signal.removeEventListener('abort', onAbort)
  }

  /** Ends the wait of a session for a connection. Made when one first waits: most requests never abort anything. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return this.#abort.signal
  }

  get ended(): boolean {
    return this.#ending !== undefined
  }

  session(name: string): Session {
    const known = this.#sessions.get(name)
    if (known) return known.session
    if (this.#ending) throw this.#endedError(name)
    const engine = this.#setup.engines.get(name)
    if (!engine) throw unknownEngine(name, [...this.#setup.engines.keys()])
    const core = new SessionCore(engine, this)
    if (this.#sessions.size === 0) this.#setup.opened(this)
    const session = sessionFunction(core, { ...this.info, engine: name }, END_GRACE_MS)
    this.#sessions.set(name, { core, session })
    return session
  }

  /** The engine last written here, else the first started one, else the first healthy one, in the preferred order. */
  any(): Session {
    if (this.#lastWritten !== undefined) return this.session(this.#lastWritten)
    const { prefer, engines } = this.#setup
    const name =
      prefer.find(one => this.#sessions.has(one)) ??
      prefer.find(one => engines.get(one)?.healthy) ??
      prefer[0]
    if (name === undefined) {
      throw new EnginelightError(
        'EL_UNKNOWN_ENGINE',
        'db.any has nothing to choose from: every engine is independent.',
        { known: [] },
      )
    }
    return this.session(name)
  }

  wrote({ engine }: SessionCore): void {
    if (engine.options.enlist === 'atomic') this.#lastWritten = engine.name
  }

  status(): Record<string, EngineStatus> {
    const status: Record<string, EngineStatus> = {}
    for (const name of this.#setup.engines.keys()) {
      const session = this.#sessions.get(name)
      status[name] = !session ? 'initialized' : this.#released.get(name) ? 'ended' : 'started'
    }
    return status
  }

  /** Engines that were used and whose connection is not confirmed released. */
  unreleased(): string[] {
    return [...this.#sessions.keys()].filter(name => !this.#released.get(name))
  }

  async rollback(): Promise<void> {
    if (this.#ending) throw this.#endedError()
    const results = await Promise.allSettled([...this.#sessions.values()].map(({ core }) => core.rollback()))
    const failure = results.find(result => result.status === 'rejected')
    if (failure) throw failure.reason
  }

  /**
   * Ends every session, whatever becomes of the others: uncommitted work is rolled back, connections go back. After
   * an abort running statements are cancelled at once; otherwise they may finish within a second. Never rejects.
   */
  end(how: 'finished' | 'aborted' = 'finished', reason?: unknown): Promise<void> {
    this.#ending ??= this.#end(how, reason)
    return this.#ending
  }

  /**
   * Ends what is left at once, also of an end that has begun and still waits for a statement, and is done when `over`
   * is, whether the server answers or not.
   */
  endBy(over: Promise<void>, reason: unknown): Promise<void> {
    this.#abort?.abort(reason)
    for (const { core } of this.#sessions.values()) core.hurry(over)
    return Promise.race([this.end('aborted', reason), over])
  }

  /** What it is doing, for those who have to know what was ended. */
  report(holders: readonly CheckoutHolder[]): EndedWork {
    const { label, id } = this.scope
    const sessions = [...this.#sessions.values()].map(({ core }) => ({
      engine: core.engine.name,
      state: core.state,
      holder: holders.find(({ session }) => session === core.id) ?? null,
    }))
    return { label, request: id, sessions }
  }

  async #end(how: 'finished' | 'aborted', reason: unknown): Promise<void> {
    const sessions = [...this.#sessions]
    this.#forgetSignal?.()
    if (how === 'aborted') this.#abort?.abort(reason)
    const graceMs = how === 'aborted' ? 0 : END_GRACE_MS
    // A session that waits for a connection gives up when the grace is over.
    const timer =
      graceMs > 0 && sessions.length > 0 ? setTimeout(() => this.#abort?.abort(), graceMs) : undefined
    await Promise.all(
      sessions.map(async ([name, { core }]) => {
        this.#released.set(name, await core.end(graceMs))
      }),
    )
    clearTimeout(timer)
    if (sessions.length > 0) this.#setup.closed(this)
  }

  #endedError(engine?: string): EnginelightError {
    const { label, id } = this.scope
    const what =
      engine === undefined ? 'The container' : `Engine "${engine}" was asked for, but the container`
    return new EnginelightError(
      'EL_ENDED',
      `${what} of ${label} (${id}) has ended.`,
      engine === undefined ? {} : { engine },
    )
  }
}

export function unknownEngine(name: string, known: readonly string[]): EnginelightError {
  return new EnginelightError(
    'EL_UNKNOWN_ENGINE',
    `There is no engine "${name}"; there are ${known.join(', ')}.`,
    { engine: name, known },
  )
}
