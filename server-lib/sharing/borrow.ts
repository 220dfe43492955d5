import { knowDatabases } from '../databases.ts'
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
import { hostDatabase } from '../engines/database.ts'
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
   * Returns the connection that the host is using now: a client of pg with its transaction open. Called at every
   * check-out, in the caller's async context, and never cached, so it may read an AsyncLocalStorage.
   * `enginelight/sharing/<host>` has a ready function for each known ORM.
   */
  connection: CurrentConnection
  /**
   * `'read'` makes the server refuse writes of the borrower, while the host can go on writing. Needs the guard, and a
   * transaction of the host. Default `'write'`.
   */
  access?: A
  /**
   * `'savepoint'` (default) encloses each statement of the borrower in a savepoint, in the same round trip, so that a
   * failed one cannot fail the host's transaction. The host's own statements wait until it is over. `'none'` does
   * neither.
   */
  guard?: 'savepoint' | 'none'
  /**
   * What happens to BEGIN, COMMIT and ROLLBACK that the borrower sends as text. `'savepoint'` (default) makes them a
   * savepoint and its end, `'ignore'` answers without sending, `'error'` gives EL_TRANSACTION_CONTROL.
   */
  transactionControl?: ControlPolicy
  /** Whether to refuse with EL_NO_HOST_TRANSACTION where the host has no transaction open. Default true. */
  requireTransaction?: boolean
  /** How long a borrower waits for the connection, and the host for a savepoint of a borrower, in milliseconds. Default 10,000. */
  checkoutTimeoutMs?: number
}

/** A host's connections, for use by an engine and by a knex. */
export interface Borrowed<A extends Access = Access> extends BorrowedSource {
  /** For `createEngines({ host: borrowed.engine })`. With table types: `engine<Tables>()({ borrowed })`. */
  readonly engine: EngineDefinition<
    Record<string, any>,
    { borrowed: BorrowedSource; access: A; checkoutTimeoutMs: number }
  >
  /** A plain knex on the host's current connection. Its transactions are savepoints in the host's. */
  readonly knex: Knex
  /** Leaves the host's connections alone: they are not ours to close. */
  dispose(): Promise<void>
  /** Another with the same options, for a further engine. */
  recreate(): Borrowed<A>
}

/**
 * Borrows the connection on which another library has its transaction open. Statements sent on it see the host's
 * uncommitted rows, are committed or rolled back with them, and cannot end or fail the host's transaction. Nothing is
 * opened, closed, reset or left behind. Throws EL_CONFIG.
 */
export function borrow<const A extends Access = 'write'>(options: BorrowOptions<A>): Borrowed<A> {
  knowDatabases()
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
    watchKnexLines(this.#knex, this)
    return this.#knex
  }

  /** Whether the line of the next check-out is worth capturing. */
  get takesLine(): boolean {
    return this.#pool?.books.takesLine ?? true
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

  /** Entered in the engine's books, if an engine was made of it. */
  async #lend(): Promise<LentConnection> {
    this.#pool ??= new SharingPool(
      this.#options.connection,
      this.#options,
      new Books('borrowed', 'borrowed#1', hostDatabase().dialect),
    )
    const asker = { session: null, request: currentRequest(), capture: this.takesLine ? lineHere() : null }
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
