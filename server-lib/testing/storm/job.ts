import { setTimeout as sleep } from 'node:timers/promises'
import type { Seeded } from '../seeded.ts'
import type { History, Told } from './history.ts'
import type { StormEngines } from './storm-engines.ts'

/** As an application would: a request that reads a stream and gets nothing more is given up. */
const STREAM_PATIENCE_MS = 1_500

const KINDS = [
  'append',
  'append',
  'append',
  'append in savepoints',
  'swallow',
  'read',
  'break off',
  'leave running',
] as const

/** One request of the load: what it does is drawn, what it was told is entered in the history. */
export class Job {
  readonly name: string
  readonly log: string[] = []
  readonly abort = new AbortController()
  readonly #chance: Seeded
  readonly #history: History
  readonly #engines: StormEngines
  readonly #startedAt = performance.now()
  #rows = 0

  constructor(name: string, chance: Seeded, history: History, engines: StormEngines) {
    this.name = name
    this.#chance = chance
    this.#history = history
    this.#engines = engines
  }

  async run(): Promise<void> {
    const kind = this.#chance.pick(KINDS)
    this.#note(kind)
    const db = this.#engines.engines.open({ label: this.name, signal: this.abort.signal })
    try {
      await this.#do(kind, db.main)
    } finally {
      this.#note('end')
      await db.end()
      this.#note('ended')
    }
  }

  #note(what: string): void {
    this.log.push(`${Math.round(performance.now() - this.#startedAt)} ms ${what}`)
  }

  async #do(kind: (typeof KINDS)[number], session: MainSession): Promise<void> {
    switch (kind) {
      case 'append':
        return this.#append(session, this.#chance.between(1, 3), 'commit')
      case 'append in savepoints':
        return this.#append(session, 2, 'savepoints')
      case 'swallow':
        return this.#append(session, 2, 'failing')
      case 'read':
        return this.#stream(session, Infinity)
      case 'break off':
        return this.#stream(session, this.#chance.between(0, 120))
      case 'leave running':
        return this.#leaveRunning(session)
      default:
        throw kind satisfies never
    }
  }

  /** Appends rows and commits. What is in doubt is so from COMMIT on alone, or in autocommit from the statement on. */
  async #append(
    session: MainSession,
    count: number,
    how: 'commit' | 'savepoints' | 'failing',
  ): Promise<void> {
    const { isAutocommit } = this.#engines
    const written: string[] = []
    let stay: { pid: number; from: number } | undefined
    for (let n = 0; n < count; n++) {
      const id = this.#nextId()
      const insert = () => session.query('insert into appended (id) values ($1) returning pid', [id])
      const asSavepoint = how === 'savepoints' && !isAutocommit
      const { code, value } = await this.#outcome(id, () =>
        asSavepoint ? session.savepoint(insert) : insert(),
      )
      if (isAutocommit) this.#history.tell(id, afterStatement(code))
      else if (code === undefined) {
        written.push(id)
        stay ??= { pid: value?.rows[0].pid, from: performance.now() }
      } else this.#history.tell(id, 'failed')
    }
    if (how === 'failing') await this.#outcome('1 / 0', () => session.query('select 1 / 0'))
    if (isAutocommit) return
    if (this.#chance.chance(0.3)) await sleep(this.#chance.between(0, 5))
    // While it is still ours.
    if (stay && session.identity?.backendPid === stay.pid)
      this.#history.stayed(this.name, stay.pid, stay.from)
    const wantsRollback = this.#chance.chance(0.15)
    const { code } = await this.#outcome(wantsRollback ? 'rollback' : 'commit', () =>
      wantsRollback ? session.rollback() : session.commit(),
    )
    for (const id of written) this.#history.tell(id, wantsRollback ? 'failed' : afterCommit(code))
  }

  async #stream(session: MainSession, rows: number): Promise<void> {
    const timer = setTimeout(() => this.abort.abort(new Error('out of patience')), STREAM_PATIENCE_MS)
    await this.#outcome(`stream ${rows}`, async () => {
      let read = 0
      for await (const _row of session.stream('select g from generate_series(1, 400) g'))
        if (read++ >= rows) break
    })
    clearTimeout(timer)
    if (this.#chance.chance(0.5)) await this.#outcome('after the stream', () => session.query('select 1'))
  }

  async #leaveRunning(session: MainSession): Promise<void> {
    const id = this.#nextId()
    const running = this.#outcome(id, () =>
      session.query('insert into appended (id) select $1 from pg_sleep($2)', [
        id,
        this.#chance.between(0, 30) / 1_000,
      ]),
    )
    if (this.#chance.chance(0.5)) await sleep(this.#chance.between(0, 10))
    void running.then(({ code }) =>
      this.#history.tell(id, this.#engines.isAutocommit ? afterStatement(code) : 'failed'),
    )
    this.#history.tell(id, this.#engines.isAutocommit ? 'unknown' : 'failed')
  }

  #nextId(): string {
    return `${this.name}/${++this.#rows}`
  }

  async #outcome<T>(
    what: string,
    run: () => PromiseLike<T>,
  ): Promise<{ code: string | undefined; value?: T }> {
    try {
      const value = await run()
      this.#note(`${what}: ok`)
      return { code: undefined, value }
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      this.#note(`${what}: ${code ?? ''} ${message.slice(0, 160)}`)
      return { code: code ?? message }
    }
  }
}

export type MainSession = ReturnType<StormEngines['engines']['open']>['main']

/** What its writer knows of a row after a statement that commits by itself. */
function afterStatement(code: string | undefined): Told {
  if (code === undefined) return 'committed'
  // Never sent, or refused by the server.
  if (code.startsWith('EL_CHECKOUT') || code === '57014' || code === '22012') return 'failed'
  return 'unknown'
}

function afterCommit(code: string | undefined): Told {
  if (code === undefined) return 'committed'
  return code === 'EL_COMMIT_UNKNOWN' ? 'unknown' : 'failed'
}
