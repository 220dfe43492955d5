import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'

/** What we read of a QueryRunner of TypeORM. */
export interface TypeormQueryRunner {
  readonly isReleased: boolean
  readonly isTransactionActive: boolean
  connect(): Promise<any>
}

/**
 * An EntityManager, or an object that has one: a Repository, or a DataSource whose `manager` follows the current
 * transaction.
 */
export type TypeormManager =
  | { readonly queryRunner?: TypeormQueryRunner | undefined; readonly transaction: unknown }
  | { readonly manager: { readonly queryRunner?: TypeormQueryRunner | undefined } }

/**
 * Resolves to the client that a transaction of TypeORM (1 and 0.3) runs on: `connection: () => connectionOf(manager)`.
 * Takes the EntityManager that `transaction(fn)` passes, a QueryRunner, a Repository of either, or a DataSource whose
 * manager follows the context, as with typeorm-transactional. Opens nothing. Rejects with EL_LEASE_ENDED once the query
 * runner is released, and with EL_NO_HOST_CONNECTION where there is none.
 */
export async function connectionOf(host: TypeormManager | TypeormQueryRunner): Promise<HostConnection> {
  const runner = runnerOf(host)
  if (!runner)
    throw noHostConnection(
      'connectionOf() was given a manager of TypeORM without a query runner, so outside of a transaction: give the one that transaction(fn) hands over, or a QueryRunner',
    )
  if (runner.isReleased) throw ended(runner)
  // Without a transaction, connect() would take a connection from the host's pool for us.
  const client = runner.isTransactionActive ? await runner.connect() : connected(runner)
  if (!client)
    throw noHostConnection('the query runner of TypeORM has no connection yet: startTransaction() first')
  if (runner.isReleased) throw ended(runner)
  return client
}

type Parts = Partial<TypeormQueryRunner> & { queryRunner?: unknown; manager?: { queryRunner?: unknown } }

function runnerOf(host: object): TypeormQueryRunner | undefined {
  const { connect, isReleased, queryRunner, manager } = (host ?? {}) as Parts
  // A query runner has a manager as well.
  if (typeof connect === 'function' && typeof isReleased === 'boolean') return host as TypeormQueryRunner
  return (queryRunner ?? manager?.queryRunner) as TypeormQueryRunner | undefined
}

/** A protected field; connect() returns the same where it is set. */
function connected(runner: TypeormQueryRunner): HostConnection | undefined {
  return (runner as { databaseConnection?: HostConnection }).databaseConnection
}

function ended(runner: TypeormQueryRunner): Error {
  return leaseEnded(connected(runner)?.processID ?? null, 'TypeORM has released its query runner')
}
