import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { EnginelightError } from '../channels/errors.ts'
import type { ServerSettings } from '../engines/server-settings.ts'
import type { SiteCapture } from '../identity/site.ts'
import { callbackOf, statementIn } from '../pool/statement-arguments.ts'
import { literal } from '../postgres/control.ts'
import {
  isSubmittable,
  type DriverCallback,
  type DriverResult,
  type Submittable,
  type StatusByte,
} from '../postgres/driver.ts'
import type { SessionCore } from '../sessions/session.ts'
import { lineHere } from '../watch/line-here.ts'
import { LentTransactions } from './lent-transactions.ts'
import type { LentOptions } from './lent-options.ts'

/** Which client of a lent session it is, and so what may be done with it. */
export type LentKind =
  /** The session's one client: to release it does nothing. */
  | 'lasting'
  /** Handed out by `pool.connect()`, until it is released. */
  | 'connected'
  /** For the one statement of a `pool.query()`. */
  | 'for one statement'

/**
 * What a host library takes for pg's client: everything that it sends runs in the session's transaction, its own
 * transactions as savepoints. Its statements run one after the other, each when its turn in the session's queue has come.
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

  /** In all of pg's forms: a text or a config, with values and with a callback or without, or a cursor or stream. */
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
      // Without a reader its end must not be that of the process.
      if (submittable instanceof EventEmitter && submittable.listenerCount('error') === 0)
        submittable.on('error', () => {})
      if (submittable.destroy) submittable.destroy(error)
      else submittable.handleError?.(error)
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

  /** Ends what its user has left open, by a rollback. Does nothing to the session, nor on its lasting client. */
  release(_error?: unknown): void {
    if (this.#kind === 'lasting') return
    this.#released?.()
    this.#released = undefined
    // What was asked for before is still served, as by a real client.
    void this.#inTurn(async () => {
      await this.#transactions.abandon()
      this.#isReleased = true
    }).catch(() => {})
  }

  /** The connection is the session's. */
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

  // Where it is connected, for a library that asks its server by another way, to cancel a statement.

  get secretKey(): unknown {
    return this.#core.secretKey
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

  /** As its user sees it: idle outside of a transaction that he began. */
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
  // Out of the promise: what the callback throws is its own, as in pg.
  answer.then(
    result => process.nextTick(callback, null, result),
    (error: Error) => process.nextTick(callback, error),
  )
}
