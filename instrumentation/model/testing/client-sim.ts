import type { Discard } from '../../../server-lib/channels/words.ts'
import type { EngineFacts } from '../rows.ts'
import type { Hold, Step } from './pool-sim.ts'
import type { World } from './world.ts'

export type Run<T = void> = Generator<Step, T, unknown>

/** A simulated request with its sessions: what a handler would do, as rows. */
export class RequestSim {
  readonly id: string
  readonly label: string
  readonly #world: World
  readonly #holds = new Map<
    string,
    { hold: Hold; transaction: string | null; failed: boolean; statements: number }
  >()
  readonly #started = new Map<string, number>()

  constructor(world: World, label: string) {
    this.#world = world
    this.id = world.id('u')
    this.label = label
    world.emit('requestStart', {
      id: this.id,
      kind: 'http',
      label,
      attribute: 'db',
      engines: ['reader', 'writer', 'logger'],
    })
  }

  /** One statement of this request's session; checks out and begins first if needed. */
  *query(engine: string, sql: string, ms: number, site: string, options: QueryOptions = {}): Run<boolean> {
    const line = yield* this.#line(engine, site)
    if (!line) return false
    const { hold } = line
    if (this.#mode(engine) === 'transaction' && line.transaction === null) yield* this.#begin(engine, site)
    yield* this.#send(engine, sql, ms, site, options)
    if (options.code && line.transaction) line.failed = true
    if (this.#mode(engine) === 'autocommit') this.#release(engine)
    else this.#turn(hold, line.failed ? 'failed transaction' : 'idle in transaction')
    return true
  }

  *commit(engine: string, site: string): Run {
    const line = this.#holds.get(engine)
    if (!line?.transaction) return
    const tag = line.failed ? 'ROLLBACK' : 'COMMIT'
    yield* this.#send(engine, 'COMMIT', this.#world.between(0.6, 4), site, { command: tag, parameters: 0 })
    this.#endTransaction(engine, line.failed ? 'rolled back' : 'committed', 'commit')
    this.#release(engine)
  }

  *rollback(engine: string): Run {
    const line = this.#holds.get(engine)
    if (!line?.transaction) return
    yield* this.#send(engine, 'ROLLBACK', 0.4, null, { command: 'ROLLBACK', parameters: 0 })
    this.#endTransaction(engine, 'rolled back', 'rollback')
    this.#release(engine)
  }

  /** The client disconnected: the connection of the running statement is discarded. */
  abort(engine: string): void {
    if (this.#holds.get(engine)?.transaction) this.#endTransaction(engine, 'lost', null)
    this.#release(engine, 'cancelled')
  }

  *end(
    status: number | null,
    outcome: 'finished' | 'aborted' | 'failed' = 'finished',
    leak: string[] = [],
  ): Run {
    for (const engine of this.#holds.keys()) if (!leak.includes(engine)) yield* this.rollback(engine)
    for (const [engine, statements] of this.#started) {
      this.#world.emit('sessionEnd', {
        id: this.#session(engine),
        released: !leak.includes(engine),
        statements,
      })
    }
    this.#world.emit('requestEnd', { id: this.id, outcome, status, unreleased: leak })
  }

  /** Ends what `end` left open, much later. */
  *endLeak(engine: string): Run {
    yield* this.rollback(engine)
  }

  *#line(
    engine: string,
    site: string,
  ): Run<{ hold: Hold; transaction: string | null; failed: boolean; statements: number } | null> {
    if (!this.#started.has(engine)) {
      this.#started.set(engine, 0)
      this.#world.emit('sessionStart', {
        id: this.#session(engine),
        engine,
        request: this.id,
        mode: this.#mode(engine),
      })
    }
    const present = this.#holds.get(engine)
    if (present) return present
    const checkout = this.#world.id('k')
    const ask = { checkout, request: this.id, label: this.label, site }
    const hold = yield* this.#world.pools.get(engine)!.acquire(ask, framesOf(site))
    if (!hold) return null
    const line = { hold, transaction: null, failed: false, statements: 0 }
    this.#holds.set(engine, line)
    return line
  }

  *#begin(engine: string, site: string): Run {
    const access = this.#world.pools.get(engine)!.facts.access
    yield* this.#send(
      engine,
      access === 'read' ? 'BEGIN READ ONLY' : 'BEGIN',
      this.#world.between(0.2, 0.9),
      site,
      { command: 'BEGIN', parameters: 0 },
    )
    const line = this.#holds.get(engine)!
    line.transaction = this.#world.id('t')
    const { hold } = line
    this.#world.emit('transactionStart', {
      id: line.transaction,
      connection: hold.connection,
      checkout: hold.checkout,
      session: this.#session(engine),
      request: this.id,
      site,
    })
    this.#world.emit('sessionState', { id: this.#session(engine), state: 'active' })
  }

  *#send(engine: string, sql: string, ms: number, site: string | null, options: QueryOptions): Run {
    const world = this.#world
    const line = this.#holds.get(engine)!
    const id = world.id('q')
    const { hold } = line
    const parameters = options.parameters ?? sql.match(/\$\d+/g)?.length ?? 0
    world.emit('statementStart', {
      id,
      connection: hold.connection,
      checkout: hold.checkout,
      session: this.#session(engine),
      request: this.id,
      transaction: line.transaction,
      text: sql,
      parameters,
      queuedMs: options.queuedMs ?? 0,
      site,
      cursor: false,
      valuesHash: null,
      within: null,
    })
    this.#turn(hold, 'executing')
    yield ms
    const message = options.code ? (options.message ?? 'error') : null
    const command = options.code ? null : (options.command ?? sql.split(' ')[0]!.toUpperCase())
    world.emit('statementEnd', {
      id,
      rows: options.code ? null : (options.rows ?? null),
      command,
      code: options.code ?? null,
      message,
    })
    if (options.code && line.transaction) {
      world.emit('transactionFailed', { id: line.transaction, statement: id, code: options.code })
      world.emit('sessionState', { id: this.#session(engine), state: 'failed' })
    }
    line.statements += 1
    this.#started.set(engine, (this.#started.get(engine) ?? 0) + 1)
  }

  #endTransaction(
    engine: string,
    outcome: 'committed' | 'rolled back' | 'lost',
    asked: 'commit' | 'rollback' | null,
  ): void {
    const line = this.#holds.get(engine)!
    this.#world.emit('transactionEnd', { id: line.transaction!, outcome, asked, statements: line.statements })
    line.transaction = null
    this.#world.emit('sessionState', { id: this.#session(engine), state: 'idle' })
  }

  #release(engine: string, discarded: Discard | null = null): void {
    const line = this.#holds.get(engine)
    if (!line) return
    this.#holds.delete(engine)
    this.#world.pools.get(engine)!.release(line.hold, discarded)
  }

  #turn(hold: Hold, state: Hold['state']): void {
    hold.state = state
    hold.stateSince = this.#world.now
  }

  #mode(engine: string): EngineFacts['mode'] {
    return this.#world.pools.get(engine)!.facts.mode
  }

  #session = (engine: string): string => `s${this.id.slice(1)}.${engine}`
}

export interface QueryOptions {
  rows?: number
  code?: string
  message?: string
  command?: string
  parameters?: number
  queuedMs?: number
}

const framesOf = (site: string): string[] => {
  const [file = '', line = '1'] = site.split(':')
  const name = file.split('/').at(-1)!.replace('.ts', '')
  return [
    `${name}Handler (${file}:${line}:19)`,
    `withCustomer (src/middleware/customer.ts:31:10)`,
    `authenticate (src/middleware/session.ts:18:5)`,
  ]
}
