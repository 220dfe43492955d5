import { expect } from 'vitest'
import type { TestDatabase } from './database.ts'

/** Asks until the answer is as expected, for two seconds; then fails with the difference. Works in hooks too. */
export async function eventually<T>(ask: () => Promise<T>, expected: T): Promise<void> {
  const until = performance.now() + 2_000
  let answer = await ask()
  while (JSON.stringify(answer) !== JSON.stringify(expected) && performance.now() < until) {
    await new Promise(resolve => setTimeout(resolve, 20))
    answer = await ask()
  }
  expect(answer).toEqual(expected)
}

/**
 * What must hold on the server when a test is over: nobody idle in a transaction, no lock, nothing prepared.
 * Each integration test ends with it. A cancelled backend needs a moment to go, so it is asked for two seconds.
 */
export function expectQuiet(database: TestDatabase): Promise<void> {
  const ask = async () => ({
    openTransactions: await database.admin<Record<string, unknown>>(
      `select pid, state, query from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and (state like 'idle in transaction%' or state = 'active')
         and backend_type = 'client backend'`,
    ),
    locks: await database.admin<Record<string, unknown>>(
      `select l.pid, l.mode, l.relation::regclass::text from pg_locks l join pg_stat_activity a using (pid)
       where l.database = (select oid from pg_database where datname = current_database())
         and l.pid <> pg_backend_pid() and l.locktype <> 'virtualxid' and a.backend_type = 'client backend'`,
    ),
    prepared: await database.admin<Record<string, unknown>>(
      `select gid from pg_prepared_xacts where database = current_database()`,
    ),
  })
  return eventually(ask, { openTransactions: [], locks: [], prepared: [] })
}

/** Until so many backends run a statement with this in its text. */
export function untilRuns(database: TestDatabase, part: string, count = 1): Promise<void> {
  return eventually(async () => {
    const running = (await database.backends()).filter(
      ({ state, query }) => state === 'active' && query.includes(part),
    )
    return running.length >= count
  }, true)
}

/** Until so many backends wait for a lock that another has. */
export function untilBlocked(database: TestDatabase, count = 1): Promise<void> {
  return eventually(async () => {
    const blocked = await database.admin(
      `select pid from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`,
    )
    return blocked.length >= count
  }, true)
}

/** The server has exactly as many backends of ours as are claimed. */
export function expectBackends(database: TestDatabase, count: number): Promise<void> {
  return eventually(async () => (await database.backends()).length, count)
}
