import { expect } from 'vitest'
import type { Engines } from '../index.ts'
import { engineReports, type EngineReport } from '../channels/engine-reports.ts'
import { Eye, type TestDatabase } from './database.ts'
import { eventually, expectQuiet } from './ground-truth.ts'
import { postgresMajor } from './postgres-major.ts'
import { ProcessWatch } from './process-watch.ts'

export interface GroundOptions {
  /** How many backends the engines may have at any moment: the sum of their pools' sizes. */
  max: number
  /** How often the server is asked, in milliseconds. Default 50. */
  everyMs?: number
}

/** How sessions ended in the server's own account, other than by a proper goodbye. */
export interface SessionEnds {
  /** By `pg_terminate_backend` or a shutdown. */
  killed?: number
  /** Their client was gone without a word. */
  abandoned?: number
  fatal?: number
}

export interface SoundOptions {
  /** Closes what the engines were given: a knex, a pg.Pool. */
  alsoClose?: () => Promise<unknown>
  /** Exactly so many since the watch began; what is left out is 0. Without it none is counted. */
  ends?: SessionEnds
}

export interface GroundWatch extends AsyncDisposable {
  /** The most backends that were seen at once. */
  readonly peak: number
  /**
   * What a scenario ends with. Server: nobody in a transaction, no lock, nothing prepared, never more backends than
   * allowed, each idle one clean. Client: its books are the server's truth, nobody holds, nobody waits. Process: no
   * uncaught error, no warning of Node. Then closes the engines, and no backend is left.
   */
  expectSound(engines?: Engines<any>, options?: SoundOptions): Promise<void>
}

/** Watches a database and this process from now on: `await using watch = await watchGround(database, { max: 2 })`. */
export async function watchGround(
  database: TestDatabase,
  { max, everyMs = 50 }: GroundOptions,
): Promise<GroundWatch> {
  const health = new ProcessWatch({ countsOurs: false })
  // On another database, so that nobody counts it; a connection of its own, so that it waits for nobody.
  const eye = new Eye(database.serverUrl)
  let peak = 0
  const sample = async () => {
    const { rows } = await eye.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
       where datname = $1 and application_name <> 'administrator' and backend_type = 'client backend'`,
      [database.name],
    )
    peak = Math.max(peak, rows[0]?.n ?? 0)
  }
  let sampling: Promise<void> | undefined
  // A server that is down has no backends to count.
  const timer = setInterval(() => {
    sampling ??= sample()
      .catch(() => {})
      .finally(() => (sampling = undefined))
  }, everyMs)
  const before = postgresMajor < 15 ? await anew(database) : await sessionEnds(database)
  return {
    get peak() {
      return peak
    },
    async expectSound(engines, { alsoClose, ends } = {}) {
      await expectQuiet(database)
      await expectBooks(database)
      if (engines) await expectClean(engines)
      await engines?.close({ graceMs: 1_000 })
      await alsoClose?.()
      await eventually(async () => (await database.backends()).length, 0)
      if (ends) {
        const expected = { killed: 0, abandoned: 0, fatal: 0, ...ends }
        await eventually(async () => {
          const now = await sessionEnds(database)
          return {
            killed: now.killed - before.killed,
            abandoned: now.abandoned - before.abandoned,
            fatal: now.fatal - before.fatal,
          }
        }, expected)
      }
      expect(peak, 'backends at once').toBeLessThanOrEqual(max)
      expect(health.seen.join('\n'), 'trouble of the process').toBe('')
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      health[Symbol.dispose]()
      await sampling
      await eye.end()
    },
  }
}

/** Each connection that the open engines of this process know is a backend of the database, and the other way round. */
export async function expectBooks(database: TestDatabase): Promise<void> {
  const ours = (): EngineReport[] =>
    engineReports().filter(({ description }) => description.database === database.name)
  await eventually(
    async () => {
      const reports = ours()
      const connections = reports.flatMap(report => report.connections)
      const known = connections.map(one => one.backendPid).sort((a, b) => (a ?? 0) - (b ?? 0))
      const real = (await database.backends()).map(one => one.pid)
      return {
        held: connections.filter(one => one.holder).map(one => one.connection),
        used: reports.reduce((sum, one) => sum + one.used, 0),
        waiters: reports.flatMap(one => one.waiters.map(waiter => waiter.checkout)),
        notKnown: real.filter(pid => reports.length > 0 && !known.includes(pid)),
        notReal: known.filter(pid => !real.includes(pid ?? 0)),
      }
    },
    { held: [], used: 0, waiters: [], notKnown: [], notReal: [] },
  )
}

/** What a previous user can leave on a connection. Takes its moment, so that all connections of a pool are in it at once. */
export const CANARY = `
  select current_user = session_user as own_role,
    now() = statement_timestamp() as no_transaction,
    (select count(*)::int from pg_prepared_statements where from_sql) as prepared,
    (select count(*)::int from pg_listening_channels()) as listens,
    (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as advisory_locks,
    (select count(*)::int from pg_cursors) as cursors,
    (select count(*)::int from pg_class where relnamespace = pg_my_temp_schema()) as temp_tables,
    array(select name from pg_settings where source = 'session' and name <> 'default_transaction_read_only') as settings,
    pg_sleep(0.01)::text as slept`

export const CLEAN = {
  own_role: true,
  no_transaction: true,
  prepared: 0,
  listens: 0,
  advisory_locks: 0,
  cursors: 0,
  temp_tables: 0,
  settings: [],
  slept: '',
}

async function expectClean(engines: Engines<any>): Promise<void> {
  for (const name of engines.names) {
    const report = engineReports().find(({ description }) => description.engine === name)
    const { knex } = engines.get(name)
    const idle = Math.max(1, report?.idle ?? 1)
    const canaries = await Promise.all(Array.from({ length: idle }, () => knex.raw(CANARY)))
    for (const { rows } of canaries) expect(rows, `the canary on engine ${name}`).toEqual([CLEAN])
  }
}

/**
 * Before PostgreSQL 15 the account is half a second behind, and would count the ends of an earlier scenario in this one. What
 * starts it anew stands in one queue with what backends say at their end.
 */
async function anew(database: TestDatabase): Promise<Required<SessionEnds>> {
  await database.admin('select pg_stat_reset()')
  return { killed: 0, abandoned: 0, fatal: 0 }
}

async function sessionEnds(database: TestDatabase): Promise<Required<SessionEnds>> {
  const [row] = await database.admin<Required<SessionEnds>>(
    `select sessions_killed::int as killed, sessions_abandoned::int as abandoned, sessions_fatal::int as fatal
     from pg_stat_database where datname = current_database()`,
  )
  return row ?? { killed: 0, abandoned: 0, fatal: 0 }
}
