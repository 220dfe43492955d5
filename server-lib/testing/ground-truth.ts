import { expect } from 'vitest'
import type { TestDatabase } from './database.ts'

/**
 * What must hold on the server when a test is over: nobody idle in a transaction, no lock, nothing prepared.
 * Each integration test ends with it. Waits up to two seconds, for a cancelled backend needs a moment to go.
 */
export async function expectQuiet(database: TestDatabase): Promise<void> {
  await expect
    .poll(
      async () => ({
        openTransactions: await database.admin(
          `select pid, state, query from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() and (state like 'idle in transaction%' or state = 'active')
             and backend_type = 'client backend'`,
        ),
        locks: await database.admin(
          `select l.pid, l.mode, l.relation::regclass::text from pg_locks l
           where l.database = (select oid from pg_database where datname = current_database())
             and l.pid is distinct from pg_backend_pid() and l.locktype <> 'virtualxid'`,
        ),
        prepared: await database.admin(
          `select gid from pg_prepared_xacts where database = current_database()`,
        ),
      }),
      { timeout: 2_000, interval: 20 },
    )
    .toEqual({ openTransactions: [], locks: [], prepared: [] })
}

/** The server has exactly as many backends of ours as are claimed. */
export async function expectBackends(database: TestDatabase, count: number): Promise<void> {
  await expect
    .poll(async () => (await database.backends()).length, { timeout: 2_000, interval: 20 })
    .toBe(count)
}
