import type { HostConnection } from '../host-connection.ts'
import { leaseEnded, noHostConnection } from '../sharing-errors.ts'

/** What we read of a QueryRunner of TypeORM. */
export interface TypeormQueryRunner {
  readonly isReleased: boolean
  readonly isTransactionActive: boolean
  connect(): Promise<any>
}

/** An EntityManager, or what has one: a Repository, and a DataSource whose `manager` is that of the current transaction. */
export type TypeormManager =
  | { readonly queryRunner?: TypeormQueryRunner | undefined; readonly transaction: unknown }
  | { readonly manager: { readonly queryRunner?: TypeormQueryRunner | undefined } }

/**
 * The client that a transaction of TypeORM (1, and 0.3 alike) runs on: `connection: () => connectionOf(manager)`. Takes the
 * EntityManager that `transaction(fn)` hands over, a QueryRunner, a Repository of either, or a DataSource where the manager follows the
 * context, as typeorm-transactional has it. Opens nothing. Rejects with EL_LEASE_ENDED once the query runner is released, with
 * EL_NO_HOST_CONNECTION where there is none.
 */
export async function connectionOf(host: TypeormManager | TypeormQueryRunner): Promise<HostConnection> {
  const runner = runnerOf(host)
  if (!runner)
    throw noHostConnection(
      'connectionOf() was given a manager of TypeORM without a query runner, so outside of a transaction: give the one that transaction(fn) hands over, or a QueryRunner',
    )
  if (runner.isReleased) throw ended(runner)
  // Before the transaction connect() would take a connection of the host's pool for us.
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

/** A protected field; connect() gives the same where it is set. */
function connected(runner: TypeormQueryRunner): HostConnection | undefined {
  return (runner as { databaseConnection?: HostConnection }).databaseConnection
}

function ended(runner: TypeormQueryRunner): Error {
  return leaseEnded(connected(runner)?.processID ?? null, 'TypeORM has released its query runner')
}
