// A long run of a real application that is disturbed all the time: does anything grow, is anything lost, is anything
// dirty handed on. Prints a table and ends with 1 when a bound is broken. On the built library (`npm run bench:soak`).
import { parseArgs } from 'node:util'
import pg from 'pg'
import { startPostgres } from '../scripts/postgres/server.js'
import { judge } from './soak/bounds.js'
import { Load } from './soak/load.js'
import { SCHEMA } from './soak/schema.js'
import { startApp } from './soak/start-app.js'

const { values: flags } = parseArgs({ options: { requests: { type: 'string', default: '1000000' } } })
const requests = Number(flags.requests)
if (!Number.isInteger(requests) || requests < 1_000) {
  console.error(`--requests is a number from 1000, not ${flags.requests}.`)
  process.exit(1)
}
/** The first look: by then caches are filled and everything hot is compiled. */
const first = Math.max(requests / 10, Math.min(5_000, requests / 2))

const startedAt = performance.now()
const server = await startPostgres({ settings: { synchronous_commit: 'off', shared_buffers: '128MB' } })
const admin = new pg.Client(server.url)
await admin.connect()
await admin.query(SCHEMA)
const app = await startApp(server.url)
const load = new Load(app.url, admin)

let isWithinBounds = false
try {
  await load.run(first)
  const before = await look()
  await load.run(requests - first)
  const after = await look()
  const end = await app.close()
  const truth = await askServer()
  const seconds = (performance.now() - startedAt) / 1000
  const rows = judge({ requests, before, after, end, truth, load })
  print(rows, seconds)
  isWithinBounds = rows.every(({ holds }) => holds !== false)
} finally {
  app.kill()
  await admin.end()
  await server.stop()
}
process.exit(isWithinBounds ? 0 : 1)

/** The application and the server at rest. */
async function look() {
  const { rows } = await admin.query(
    `select application_name as engine, count(*)::int as backends, count(*) filter (where state <> 'idle')::int as busy
     from pg_stat_activity where application_name like 'soak %' group by 1 order by 1`,
  )
  return { ...(await app.stats()), server: rows }
}

/** What the server has, when the application is gone: the kept rows, and what is open. */
async function askServer() {
  const { unknown } = app.ended
  const { rows } = await admin.query(
    `select count(*)::int as rows, coalesce(sum(key), 0)::bigint::text as sum,
       count(*) filter (where key = any($1))::int as "unknownRows",
       coalesce(sum(key) filter (where key = any($1)), 0)::bigint::text as "unknownSum",
       (select count(*)::int from pg_stat_activity where application_name like 'soak %') as backends,
       (select count(*)::int from pg_stat_activity where state like 'idle in transaction%') as "openTransactions",
       (select count(*)::int from pg_prepared_xacts) as prepared
     from orders`,
    [unknown],
  )
  const { rows: sessions } = await admin.query(
    `select sessions_abandoned::int as abandoned, sessions_killed::int as killed from pg_stat_database
     where datname = current_database()`,
  )
  return { ...rows[0], ...sessions[0] }
}

function print(rows, seconds) {
  const widths = [34, 30, 34]
  const line = cells => cells.map((cell, index) => String(cell).padEnd(widths[index] ?? 0)).join(' ')
  console.log(line(['what', 'seen', 'bound', 'holds']))
  for (const { what, seen, bound, holds } of rows) {
    console.log(line([what, seen, bound ?? '', holds === undefined ? '' : holds ? 'yes' : 'NO']))
  }
  console.log(`${requests} requests in ${seconds.toFixed(1)} s`)
}
