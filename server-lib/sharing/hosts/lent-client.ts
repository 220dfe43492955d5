import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { EnginelightError } from '../../channels/errors.ts'
import type { ServerSettings } from '../../engines/server-door.ts'
import type { SiteCapture } from '../../identity/site.ts'
import { callbackOf, statementIn } from '../../postgres/statement-arguments.ts'
import { literal } from '../../postgres/control.ts'
import type { DriverCallback, DriverResult } from '../../dialect/result.ts'
import { refuseStream } from '../../dialect/stream.ts'
import { isSubmittable, type PgClient, type StatusByte, type Submittable } from '../../postgres/driver.ts'
import type { SessionCore } from '../../sessions/session.ts'
import { lineHere } from '../../watch/line-here.ts'
import { LentTransactions } from '../lent-transactions.ts'
import type { LentOptions } from '../lent-options.ts'

/** The kind of a lent session's client, which decides what may be done with it. */
export type LentKind =
  /** The session's one client: releasing it does nothing. */
  | 'lasting'
  /** Checked out by `pool.connect()`, until it is released. */
  | 'connected'
  /** For the one statement of a `pool.query()`. */
  | 'for one statement'

/**
 * What a host library takes for pg's client: its statements run in the session's transaction, its own transactions as
 * savepoints. Statements run one after the other, each when its turn in the session's queue comes.
 */
export class LentClient extends EventEmitter {
  readonly #core: SessionCore
  readonly #kind: LentKind
  readonly #transactions: LentTransactions
  #isReleased = false
  #released: (() => void) | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(core: SessionCore, options: LentOptions, kind: LentKind, released?: () => void) {
    super()
    this.#core = core
    this.#kind = kind
    this.#released = released
    this.#transactions = new LentTransactions(core, options, kind === 'for one statement')
    this.#transactions.onNotice = notice => void this.emit('notice', notice)
  }

  /**
   * In all of pg's forms: a text or a config, with or without values, with or without a callback, or a cursor or
   * stream.
   */
  query(...args: any[]): any {
    const capture = this.#core.wantsSite ? lineHere() : null
    const [config] = args as unknown[]
    if (isSubmittable(config)) {
      this.#submit(config, capture)
      return config
    }
    const given = callbackOf(args)
    const answer = this.#inTurn(() => this.#send(args, capture))
    if (!given) return answer
    tell(answer, AsyncResource.bind(given.callback))
  }

  #send([config, values]: unknown[], capture: SiteCapture | null): Promise<DriverResult> {
    const text = statementIn([config])?.text
    const isNameAlone =
      typeof config === 'object' && typeof (config as { text?: unknown } | null)?.text !== 'string'
    if (text === undefined || isNameAlone) {
      throw new EnginelightError(
        'EL_CONFIG',
        'query() on a lent session takes a text, or a config with a text.',
        {
          option: 'query',
        },
      )
    }
    return this.#transactions.send(text, statementOf(config, values), capture)
  }

  #submit(submittable: Submittable, capture: SiteCapture | null): void {
    const text = statementIn([submittable])?.text ?? ''
    this.#inTurn(() => this.#transactions.submit(text, submittable, capture)).catch((error: Error) => {
      // Without a listener its error must not end the process.
      if (submittable instanceof EventEmitter && submittable.listenerCount('error') === 0)
        submittable.on('error', () => {})
      refuseStream(submittable, error)
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      if (!this.#isReleased) return work()
      throw new EnginelightError(
        'EL_ILLEGAL_MOVE',
        `query() is not possible on a client of session ${this.#core.id} that was released; take another by pool.connect().`,
        { engine: this.#core.engine.name, session: this.#core.id, move: 'query', legalMoves: [] },
      )
    })
    this.#last = turn.catch(() => {})
    return turn
  }

  /** Rolls back what the library has left open. Does nothing to the session, and nothing on its lasting client. */
  release(_error?: unknown): void {
    if (this.#kind === 'lasting') return
    this.#released?.()
    this.#released = undefined
    // Statements requested before are still served, as by a real client.
    void this.#inTurn(async () => {
      await this.#transactions.abandon()
      this.#isReleased = true
    }).catch(() => {})
  }

  /** Does nothing: the connection is the session's. */
  connect(callback?: (error?: Error) => void): Promise<this> | undefined {
    return callback ? void process.nextTick(callback) : Promise.resolve(this)
  }

  end(callback?: (error?: Error) => void): Promise<void> | undefined {
    this.release()
    return callback ? void process.nextTick(callback) : Promise.resolve()
  }

  get processID(): number | null {
    return this.#core.identity?.backendPid ?? null
  }

  // Where it is connected, for a library that opens a connection of its own to cancel a statement.

  get secretKey(): unknown {
    return (this.#core.rawConnection as PgClient | undefined)?.secretKey ?? null
  }

  get connectionParameters(): ServerSettings {
    return this.#core.engine.door.settings
  }

  get host(): unknown {
    return this.connectionParameters.host
  }

  get port(): unknown {
    return this.connectionParameters.port
  }

  get database(): unknown {
    return this.connectionParameters.database
  }

  get user(): unknown {
    return this.connectionParameters.user
  }

  get password(): unknown {
    return this.connectionParameters.password
  }

  get ssl(): unknown {
    return this.connectionParameters.ssl ?? false
  }

  /** The status as the library sees it: idle outside of a transaction that the library began. */
  getTransactionStatus(): StatusByte {
    if (!this.#transactions.isOpen) return 'I'
    return this.#core.state === 'failed' ? 'E' : 'T'
  }

  escapeIdentifier(name: string): string {
    return `"${name.replaceAll('"', '""')}"`
  }

  escapeLiteral(text: string): string {
    return literal(text)
  }

  ref(): void {}
  unref(): void {}
}

/** What the session sends for the arguments of a pg `query`. */
function statementOf(config: unknown, values: unknown): unknown {
  const own = Array.isArray(values) ? values : undefined
  if (typeof config === 'string') return own ? { text: config, values: own } : config
  const { callback: _callback, ...rest } = config as { callback?: unknown }
  return own ? { ...rest, values: own } : rest
}

function tell(answer: Promise<DriverResult>, callback: DriverCallback): void {
  // Outside of the promise: an error thrown by the callback is the callback's own, as in pg.
  answer.then(
    result => process.nextTick(callback, null, result),
    (error: Error) => process.nextTick(callback, error),
  )
}
