import { EventEmitter } from 'node:events'
import { EnginelightError } from '../channels/errors.ts'
import { aFunction, checkOptions, oneOf, type Needs } from '../channels/options.ts'
import { hostDatabase } from '../engines/database.ts'
import { sessionCoreOf } from '../sessions/session-function.ts'
import type { SessionCore } from '../sessions/session.ts'
import type { SessionMembers } from '../sessions/session-types.ts'
import { LentClient } from './hosts/lent-client.ts'
import type { LentOptions } from './lent-options.ts'
import { lentPoolClass, type Lender, type LentPool, type PoolClass } from './hosts/lent-pool.ts'
import { CONTROL_POLICIES, type ControlPolicy } from './transaction-texts.ts'

export interface LendOptions {
  /** What happens to the host's BEGIN, COMMIT and ROLLBACK. Default: `'savepoint'`. */
  readonly transactionControl?: ControlPolicy
  /**
   * `'savepoint'` (default) runs each statement that the host sends outside of its own transactions in a savepoint, so
   * that a failed one leaves the session's transaction as it was. The savepoint is sent with the statement, in one
   * round trip; a named statement, several in one text, a COPY or a stream take two more. `'none'` does without.
   */
  readonly guard?: 'savepoint' | 'none'
}

/** A session in the form that a host library takes. */
export interface Lent<Pool = LentPool, Client = LentClient> {
  /** Replaces a `pg.Pool`. Concurrent transactions of the host take turns on it. */
  readonly pool: Pool
  /**
   * Replaces a connected `pg.Client`, for one transaction at a time. Belongs to the session that is lent when this
   * property is read.
   */
  readonly client: Client
}

/** What `pool.connect()` of a pool resolves to. */
type ClientOf<Pool> = Pool extends { connect: { (): Promise<infer Client>; (...args: any[]): any } }
  ? Client
  : LentClient

class Plain extends EventEmitter {}

/**
 * A session, or a function that gives the session to lend. The function is called for each client and for each
 * statement of the pool.
 */
export type Lendable = SessionMembers | (() => SessionMembers)

/**
 * Lends a session to a library that takes a pg pool or client: its statements run in the session's transaction and on
 * its connection, and its own transactions are savepoints there. The session's commit decides whether anything is kept.
 *
 * With the option `Pool` set to pg's `Pool`, the lent pool is an instance of it, for the compiler and for a host that
 * checks. Throws EL_CONFIG.
 */
export function lend(session: Lendable, options?: LendOptions): Lent
export function lend<P extends PoolClass>(
  session: Lendable,
  options: LendOptions & { readonly Pool: P },
): Lent<InstanceType<P>, ClientOf<InstanceType<P>>>
export function lend(session: Lendable, options: LendOptions & { readonly Pool?: PoolClass } = {}): Lent {
  const lender = lenderOf(session)
  const lent = lentOptions(options)
  const MakePool = lentPoolClass(options.Pool ?? Plain)
  const clients = new WeakMap<SessionCore, LentClient>()
  return {
    pool: new MakePool(lender, lent),
    get client() {
      const core = lender()
      let client = clients.get(core)
      if (!client) clients.set(core, (client = new LentClient(core, lent, 'lasting')))
      return client
    },
  }
}

function lenderOf(session: Lendable): Lender {
  const core = sessionCoreOf(session)
  if (core) {
    requireOwn(core)
    return () => core
  }
  if (typeof session !== 'function') throw notASession()
  return () => {
    const given = sessionCoreOf((session as () => unknown)())
    if (!given) throw notASession()
    requireOwn(given)
    return given
  }
}

/**
 * A borrowed session is not lent on: two parties would decide what a COMMIT means, and neither owns the transaction.
 */
function requireOwn({ engine }: SessionCore): void {
  const { dialect } = hostDatabase()
  if (engine.dialect !== dialect) {
    throw new EnginelightError(
      'EL_UNSUPPORTED_CLIENT',
      `A session of engine "${engine.name}" cannot be lent: it is on ${engine.dialect.title}, and a lent session looks like a client of ${dialect.title}.`,
      { engine: engine.name },
    )
  }
  if (engine.options.rule.ends !== 'host') return
  throw new EnginelightError(
    'EL_CONFIG',
    `A session of engine "${engine.name}" cannot be lent: it is itself on a borrowed connection. Give the library that connection.`,
    { engine: engine.name, option: 'session' },
  )
}

const notASession = () =>
  new EnginelightError(
    'EL_CONFIG',
    'lend() takes a session of an engine, as db.writer is, or a function that gives one.',
    { option: 'session' },
  )

const NEEDS: Needs<LendOptions & { readonly Pool?: unknown }> = {
  transactionControl: oneOf(CONTROL_POLICIES),
  guard: oneOf(['savepoint', 'none']),
  Pool: aFunction('the class Pool of pg'),
}

function lentOptions(options: LendOptions): LentOptions {
  checkOptions({ name: 'lend()' }, options, NEEDS)
  const { transactionControl = 'savepoint', guard = 'savepoint' } = options
  return { transactionControl, guard }
}
