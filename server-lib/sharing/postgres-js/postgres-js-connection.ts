import { EventEmitter } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { callbackOf } from '../../postgres/statement-arguments.ts'
import { isSubmittable, type Submittable, type Listener, type StatusByte } from '../../postgres/driver.ts'
import { endsTransaction } from '../../dialect/control.ts'
import type { DriverCallback } from '../../dialect/result.ts'
import { firstControl } from '../../postgres/read-control.ts'
import { sqlstateOf } from '../../postgres/sqlstate.ts'
import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'
import { answerOf, errorOf, parameterOf, type Answer, type Reading } from './answers.ts'
import { HostQueue } from './host-queue.ts'
import { Portal } from './portal.ts'
import { unheard, type PostgresSql, type Reserved, type SqlQuery, type SqlWire } from './postgres-sql.ts'

export const ENDED = 'postgres.js has ended its transaction, or given the connection back'
const PROBE = 'SAVEPOINT el_probe; RELEASE SAVEPOINT el_probe'
const ASK_AGAIN_MS = 10

type Query = HostConnection['query']

/**
 * A transaction of postgres.js, or a reserved connection, as a borrower needs it: with pg's `query`, pg's results and
 * errors. A borrower's statement that fails does not fail begin(). postgres.js hides the transaction status, so before
 * each borrowing the server is asked, with a savepoint that is released at once.
 */
export class PostgresJsConnection extends EventEmitter implements HostConnection {
  declare query: Query
  /** Set anew by `connectionOf`: inside a savepoint of the host it is another. */
  sql: PostgresSql
  readonly processID: number | null
  readonly #queue: HostQueue
  #status: StatusByte = 'T'
  #running: SqlQuery | undefined
  #isProbing = false
  #isLost = false

  constructor(sql: PostgresSql, wire: SqlWire, reserved: Reserved, pid: number | null) {
    super()
    this.sql = sql
    this.processID = pid
    this.#queue = new HostQueue(wire, reserved, query => this.#hold(wire, query))
    let query: Query = this.#query
    // A borrower's gate puts its own `query` here for as long as the host has to wait.
    Object.defineProperty(this, 'query', {
      enumerable: true,
      get: () => query,
      set: (next: Query) => {
        query = next
        if (next === this.#query) this.#queue.open()
        else this.#queue.shut()
      },
    })
  }

  /** Whether the transaction is over, or the connection lost or given back. */
  get isOver(): boolean {
    return this.#isLost || this.#queue.isOver
  }

  getTransactionStatus(): StatusByte {
    return this.isOver ? 'I' : this.#status
  }

  /** Unknown while it is not borrowed: listening for `drain` asks the server. */
  get readyForQuery(): boolean {
    return this.listenerCount('error') > 0
  }

  override once(event: string, listener: Listener): this {
    super.once(event, listener)
    if (event === 'drain') this.#probe()
    return this
  }

  /**
   * Asks the server to cancel our running statement. Resolves once the server has taken the cancel and it can hit no
   * later statement.
   */
  async cancelRunning(): Promise<void> {
    const query = this.#running
    if (!query?.active) return
    await query.canceller?.(query).catch(() => {})
  }

  #probe(): void {
    if (this.#isProbing) return
    this.#isProbing = true
    void this.#asked().then(status => {
      this.#isProbing = false
      if (status) this.#status = status
      else return void setTimeout(() => this.listenerCount('drain') > 0 && this.#probe(), ASK_AGAIN_MS)
      this.emit(this.isOver ? 'end' : 'drain')
    })
  }

  /**
   * The transaction status that the server reports; undefined while postgres.js is in the middle of a COPY of the host.
   */
  async #asked(): Promise<StatusByte | undefined> {
    try {
      await this.#send(PROBE, [])
      return 'T'
    } catch (error) {
      const code = sqlstateOf(error)
      if (code === undefined && !this.isOver) return undefined
      return code === '25P01' ? 'I' : 'E'
    }
  }

  readonly #query = (...args: unknown[]): unknown => {
    const [config, values] = args
    if (config instanceof HeldQuery) {
      const { lost } = this.#queue
      // postgres.js would write to a socket that is gone, and throw outside of any caller.
      return lost ? config.query.reject(lost) : this.#queue.send(config.query)
    }
    if (isSubmittable(config)) return this.#submit(config)
    const given = callbackOf(args)?.callback
    const answering = this.#ask(config, values)
    if (!given) return answering
    answering.then(
      answer => tell(given, null, answer),
      (error: Error) => tell(given, error),
    )
    return undefined
  }

  #submit(submittable: Submittable): Submittable {
    if (!('read' in (submittable.cursor ?? submittable))) {
      const error = noHostConnection(
        'a connection of postgres.js runs texts with values, and of cursors and streams only pg-cursor and pg-query-stream',
      )
      queueMicrotask(() => submittable.handleError?.(error))
      return submittable
    }
    const run = (text: string, parameters: (string | null)[]) => this.#send(text, parameters, false)
    submittable.submit(new Portal(run, submittable, this.#status === 'T'))
    return submittable
  }

  async #ask(config: unknown, given: unknown): Promise<Answer | Answer[]> {
    const { text, values, ...reading } = (typeof config === 'string' ? { text: config } : config) as {
      text: string
      values?: unknown[]
    } & Reading
    const parameters = values ?? (Array.isArray(given) ? (given as unknown[]) : [])
    return answerOf(await this.#send(text, parameters.map(parameterOf)), reading)
  }

  /** Resolves to the answer of postgres.js. */
  async #send(
    text: string,
    parameters: (string | null)[],
    simple = parameters.length === 0,
  ): Promise<unknown> {
    if (this.isOver) throw errorOf(this.#queue.lost ?? leaseEnded(this.processID, ENDED))
    const query = unheard(this.sql.unsafe(text, [], { prepare: false, simple }) as SqlQuery).raw()
    // Sent as they are: postgres.js would ask for their types, and convert each its own way.
    if (parameters.length > 0) query.parameters = parameters
    query.executed = true
    this.#running = query
    this.#queue.send(query)
    try {
      const result = await withoutCopy(await query)
      // In a failed transaction only a rollback to a savepoint succeeds.
      if (this.#status === 'E') this.#status = 'T'
      return result
    } catch (error) {
      if (sqlstateOf(error) === undefined) this.#onLost(error as Error)
      else if (this.#status === 'T') this.#status = 'E'
      throw errorOf(error)
    } finally {
      if (this.#running === query) this.#running = undefined
    }
  }

  #onLost(error: Error): void {
    const { code } = error as { code?: unknown }
    if (this.#isLost || !(typeof code === 'string' && code.startsWith('CONNECTION_'))) return
    this.#isLost = true
    if (this.listenerCount('error') > 0) this.emit('error', errorOf(error))
    this.emit('end')
  }

  /** A statement of the host sent while a savepoint of ours is open: the gate sends it, or holds it. */
  #hold(wire: SqlWire, query: SqlQuery): void {
    this.query(new HeldQuery(query, wire))
  }
}

/** A statement of the host, in a form that a gate can hold and refuse. */
class HeldQuery {
  readonly query: SqlQuery
  readonly #wire: SqlWire

  constructor(query: SqlQuery, wire: SqlWire) {
    this.query = query
    this.#wire = wire
  }

  submit(): void {}

  handleError(error: Error): void {
    this.query.reject(error)
    // postgres.js does not try a second time, and would keep the transaction open for good.
    if (endsTransaction(firstControl(this.query.strings[0] ?? ''))) this.#wire.terminate()
  }
}

/**
 * For a COPY, postgres.js returns a stream and waits for its end. As with pg, nothing is written to it, and what it
 * reads is dropped.
 */
async function withoutCopy(result: unknown): Promise<unknown> {
  if (result instanceof Writable) {
    const error = new Error('COPY from stdin failed: No source stream defined')
    result.on('error', () => {}).destroy(error)
    throw Object.assign(error, { severity: 'ERROR', code: '57014' })
  }
  if (!(result instanceof Readable)) return result
  result.resume()
  await finished(result)
  return Object.assign([], { command: 'COPY', count: null })
}

/** Outside of the promise: an error thrown by a callback must not reach the promise. */
function tell(callback: DriverCallback, error: Error | null, answer?: Answer | Answer[]): void {
  try {
    callback(error, answer as never)
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown
    })
  }
}
