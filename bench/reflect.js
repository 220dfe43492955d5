// What it costs to read a schema of 1,000 tables from the catalogue, through reflect() and what a user would take instead.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { startCounter } from './round-trip-counter.js'
import { COLUMNS, statements } from './reflect/schema.js'
import { print } from './report.js'
import { measureRounds } from './rounds.js'
import { startServer } from './server.js'
import { ratioOf, spreadOf } from './statistics.js'

const BASE = 'extract-pg-schema'
const WAYS = {
  nothing: { title: 'a connection and one row', module: './reflect/nothing.js' },
  ours: { title: '`reflect()`', module: './reflect/ours.js' },
  cached: { title: '`reflect()`, cached', module: './reflect/ours.js', cached: true },
  [BASE]: { title: 'extract-pg-schema', module: './reflect/extract-pg-schema.js' },
  kysely: { title: 'kysely’s introspector', module: './reflect/kysely.js' },
}

const { values: flags } = parseArgs({
  options: {
    ways: { type: 'string', default: Object.keys(WAYS).join(',') },
    tables: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
  },
})
const rounds = Number(flags.rounds)
const tables = Number(flags.tables)
const wanted = flags.ways.split(',')
const unknown = wanted.find(name => !WAYS[name])
if (unknown !== undefined) {
  throw new Error(`There is no way "${unknown}"; there are ${Object.keys(WAYS).join(', ')}.`)
}

const folder = await mkdtemp(join(tmpdir(), 'enginelight-bench-'))
const server = await startServer('select 1')
const rows = []
try {
  await makeTables(server.url)
  // Fills the cache.
  if (wanted.includes('cached')) await inAProcess('cached', server.url)
  const sent = {}
  for (const name of wanted) sent[name] = await countStatements(name)
  const subjects = wanted.map(name => ({ name, run: () => inAProcess(name, server.url) }))
  const measured = await measureRounds(subjects, { rounds, warmup: 0, units: () => 1, concurrency: 1 })
  const of = (name, what) => spreadOf(measured.map(round => round[name][what]))
  for (const name of wanted) {
    rows.push({
      way: name,
      title: WAYS[name].title,
      statements: sent[name],
      ms: of(name, 'ms'),
      cpuMs: of(name, 'cpuMs'),
      peakMb: of(name, 'peakMb'),
      ratio: wanted.includes(BASE) ? ratioOf(measured, name, BASE, 'ms') : null,
    })
  }
} finally {
  await server.stop()
  await rm(folder, { recursive: true })
}
await print({ bench: 'reflect', rows, figures: figures(), server, settings: { rounds, tables }, flags })

async function makeTables(url) {
  const client = new pg.Client(url)
  await client.connect()
  for (const statement of statements(tables)) await client.query(statement)
  await client.query('analyze')
  await client.end()
}

/** How often the server said that it is ready again, but for once for each connection. */
async function countStatements(name) {
  const counter = await startCounter(server.url)
  try {
    await inAProcess(name, counter.url)
    return counter.ready() - counter.connections()
  } finally {
    await counter.stop()
  }
}

async function inAProcess(name, url) {
  const { module, cached } = WAYS[name]
  const options = JSON.stringify({ url, ...(cached && { cache: join(folder, 'schema.json') }) })
  const child = fork(fileURLToPath(new URL('./reflect/child.js', import.meta.url)), [
    new URL(module, import.meta.url).href,
    options,
  ])
  const gone = once(child, 'exit')
  const [message] = await Promise.race([once(child, 'message'), gone])
  await gone
  if (typeof message !== 'object') throw new Error(`the process of ${name} ended with ${message}`)
  const { found } = message
  if (found && (found.tables !== tables || found.columns !== tables * COLUMNS)) {
    throw new Error(`${name} found ${JSON.stringify(found)} and not ${tables} tables`)
  }
  return message
}

function figures() {
  const ours = rows.find(({ way }) => way === 'ours')
  if (!ours?.ratio) return []
  const exactly = value => ({ median: value, low: value, high: value })
  return [
    { what: 'statements that `reflect()` sends', limit: 6, measured: exactly(ours.statements) },
    { what: '`reflect()` / extract-pg-schema', limit: 0.25, measured: ours.ratio },
  ]
}
