import type { Knex } from 'knex'
import {
  engine,
  type BorrowedSource,
  type EngineDefinition,
  type OpenableSource,
} from '../engines/engine-config.ts'
import { EnginelightError } from '../channels/errors.ts'
import {
  aFunction,
  BOOLEAN,
  checkOptions,
  milliseconds,
  oneOf,
  required,
  type Asker,
  type Needs,
} from '../channels/options.ts'
import { Abandonment } from '../pool/abandonment.ts'
import { checkOut } from '../pool/check-out.ts'
import { Books } from '../pool/books.ts'
import { currentRequest } from '../requests/request-scope.ts'
import { lineHere } from '../watch/line-here.ts'
import { watchKnexLines } from '../watch/knex-lines.ts'
import type { BorrowRules } from './borrow-rules.ts'
import { borrowingKnex } from './borrowing-knex.ts'
import type { CurrentConnection } from './host-connection.ts'
import { LentConnection } from './lent-connection.ts'
import { SharingPool } from './sharing-pool.ts'
import { CONTROL_POLICIES, type ControlPolicy } from './transaction-texts.ts'

type Access = 'read' | 'write'

export interface BorrowOptions<A extends Access = Access> {
  /**
   * Gives the connection that the host is using now: a client of pg with its transaction open. Called at every check-out, in the
   * context of whoever asks, and never cached, so it may look into an AsyncLocalStorage. The doors `enginelight/sharing/<host>`
   * find it for the ORMs that we know.
   */
  connection: CurrentConnection
  /**
   * `'read'` has the server refuse writes of the borrower, while the host goes on to write. It needs the guard, and a transaction
   * of the host. Default `'write'`.
   */
  access?: A
  /**
   * `'savepoint'` (default) encloses each statement of the borrower in a savepoint, so that one that fails cannot fail the host's
   * transaction; they travel together, in one round trip. The host's own statements wait for that long. `'none'` does neither.
   */
  guard?: 'savepoint' | 'none'
  /**
   * What becomes of BEGIN, COMMIT and ROLLBACK that the borrower sends as text: a savepoint and its end (default), an answer
   * without being sent (`'ignore'`), or EL_TRANSACTION_CONTROL (`'error'`).
   */
  transactionControl?: ControlPolicy
  /** Whether to refuse (EL_NO_HOST_TRANSACTION) where the host has no transaction open. Default true. */
  requireTransaction?: boolean
  /** How long a borrower waits for the connection, and the host for a savepoint of a borrower, in milliseconds. Default 10,000. */
  checkoutTimeoutMs?: number
}

/** Connections of a host, to be used by an engine and by a knex. */
export interface Borrowed<A extends Access = Access> extends BorrowedSource {
  /** For `createEngines({ host: borrowed.engine })`. With table types: `engine<Tables>()({ borrowed })`. */
  readonly engine: EngineDefinition<
    Record<string, any>,
    { borrowed: BorrowedSource; access: A; checkoutTimeoutMs: number }
  >
  /** A plain knex, its statements on the host's current connection, its transactions savepoints in the host's. */
  readonly knex: Knex
  /** Leaves the host's connections as they are, for they are not ours to close. */
  dispose(): Promise<void>
  /** Another of the same kind, for an engine of its own. */
  recreate(): Borrowed<A>
}

/**
 * Borrows the connection that another library has its transaction open on. What is sent on it sees the host's uncommitted rows, is
 * committed or rolled back with them, and cannot end or fail the host's transaction. Nothing is opened, closed, reset or left behind. Throws
 * EL_CONFIG.
 */
export function borrow<const A extends Access = 'write'>(options: BorrowOptions<A>): Borrowed<A> {
  return new BorrowedConnections(checkedOptions(options))
}

interface Checked<A extends Access> extends BorrowRules {
  readonly connection: CurrentConnection
  readonly access: A
}

class BorrowedConnections<A extends Access> implements Borrowed<A>, OpenableSource {
  readonly engine: Borrowed<A>['engine']
  readonly #options: Checked<A>
  #pool: SharingPool | undefined
  #knex: Knex | undefined

  constructor(options: Checked<A>) {
    this.#options = options
    const { access, checkoutTimeoutMs } = options
    this.engine = engine()({ borrowed: this as BorrowedSource, access, checkoutTimeoutMs })
  }

  get knex(): Knex {
    if (this.#knex) return this.#knex
    this.#knex = borrowingKnex({ lend: () => this.#lend() })
    watchKnexLines(this.#knex)
    return this.#knex
  }

  status(): 'Sharing Pool' {
    return 'Sharing Pool'
  }

  open(
    books: Books,
    { access, checkoutTimeoutMs }: Pick<BorrowRules, 'access' | 'checkoutTimeoutMs'>,
    found: () => void,
  ) {
    const rules = { ...this.#options, checkoutTimeoutMs }
    const pool = new SharingPool(
      this.#options.connection,
      access === 'read' ? { ...rules, access, guard: 'savepoint' } : rules,
      books,
      found,
    )
    this.#pool = pool
    return { pool, knex: this.knex, address: () => pool.address }
  }

  dispose(): Promise<void> {
    return Promise.resolve()
  }

  recreate(): Borrowed<A> {
    return new BorrowedConnections(this.#options)
  }

  /** By the books of the engine, where one was made of it. */
  async #lend(): Promise<LentConnection> {
    this.#pool ??= new SharingPool(
      this.#options.connection,
      this.#options,
      new Books('borrowed', 'borrowed#1'),
    )
    const asker = { session: null, request: currentRequest(), capture: lineHere() }
    const limits = {
      checkoutTimeoutMs: this.#options.checkoutTimeoutMs,
      abandoned: undefined,
      replaced: NEVER,
      owner: NOBODY,
    }
    const { hold } = await checkOut(this.#pool, asker, limits)
    return new LentConnection(hold)
  }
}

const NEVER = new Abandonment()
const NOBODY = { checkedOut() {}, afterFailure: () => undefined }

const CONNECTION = 'a function that gives the connection of the host'
const NEEDS: Needs<BorrowOptions> = {
  connection: required(aFunction(`${CONNECTION}, asked at each check-out`)),
  access: oneOf(['write', 'read']),
  guard: oneOf(['savepoint', 'none']),
  transactionControl: oneOf(CONTROL_POLICIES),
  requireTransaction: BOOLEAN,
  checkoutTimeoutMs: milliseconds(),
}
const ASKER: Asker = {
  name: 'borrow()',
  noObject: given => `borrow(): option connection must be ${CONNECTION}, not ${given}.`,
  noOption: (option, known) => `borrow() has no option ${option}; there are ${known}.`,
}

function checkedOptions<A extends Access>(options: BorrowOptions<A>): Checked<A> {
  checkOptions<BorrowOptions>(ASKER, options, NEEDS)
  const { connection, guard = 'savepoint', transactionControl = 'savepoint' } = options
  const { access = 'write' as A, requireTransaction = true, checkoutTimeoutMs = 10_000 } = options
  if (access === 'read' && guard === 'none') {
    throw new EnginelightError(
      'EL_CONFIG',
      "borrow(): access 'read' is kept by the savepoint around each statement, so guard cannot be 'none'.",
      { option: 'guard' },
    )
  }
  return { connection, access, guard, transactionControl, requireTransaction, checkoutTimeoutMs }
}
