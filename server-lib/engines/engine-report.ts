import type { EngineDescription } from '../channels/engine-description.ts'
import type { EngineReport } from '../channels/engine-reports.ts'
import { here } from '../identity/ids.ts'
import type { CheckedOptions } from './engine-config.ts'
import type { OpenPool } from './open-pool.ts'

/** What is used of the described engine. */
interface DescribedEngine {
  readonly name: string
  readonly options: CheckedOptions
  readonly application: string | null
}

export function descriptionOf(
  { name, options, application }: DescribedEngine,
  { pool, source, owned, serverAddress, serverPort, database }: OpenPool,
): EngineDescription {
  const { dialect } = pool.books
  return {
    engine: name,
    pool: pool.books.pool,
    isDefault: options.isDefault,
    system: dialect.system,
    mode: options.mode,
    access: options.access,
    enlist: options.enlist,
    transactional: options.transactional,
    source,
    owned,
    min: pool.min,
    max: pool.max,
    checkoutTimeoutMs: options.checkoutTimeoutMs,
    heldWarningMs: options.heldWarningMs ?? null,
    idleInTransactionWarningMs: options.idleInTransactionWarningMs ?? null,
    transactions: pool.books.transactions,
    serverAddress,
    serverPort: serverPort ?? (serverAddress === null ? null : dialect.defaultPort),
    database,
    application,
    ...here,
  }
}

/** An engine and its pool at this moment. */
export function reportOf(engine: DescribedEngine, open: OpenPool): EngineReport {
  const { books } = open.pool
  const connections = books.connectionReports()
  const { used } = books
  return {
    description: descriptionOf(engine, open),
    used,
    idle: connections.length - used,
    connections,
    waiters: books.waiterReports(),
  }
}

/** `writer#1, transaction, write: 2 of 10 connections held, 0 waiting`. */
export function summaryOf({ options }: DescribedEngine, { pool }: OpenPool, isClosed: boolean): string {
  const { used, waiting } = pool.books
  const state = isClosed ? 'closed' : `${used} of ${pool.max} connections held, ${waiting} waiting`
  return `${pool.books.pool}, ${options.mode}, ${options.access}: ${state}`
}
