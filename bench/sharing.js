// What a statement costs through a borrowed connection, beside the same statement by its host and by a knex with a pool of its own.
import { parseArgs } from 'node:util'
import { print } from './report.js'
import { calibrate, measureRounds, warmUp } from './rounds.js'
import { startCounter } from './round-trip-counter.js'
import { startServer } from './server.js'
import { open } from './sharing/ways.js'
import { ratioOf, spreadOf } from './statistics.js'
import { startSubject } from './subjects.js'
import { SCHEMA } from './unit.js'

const MODULE = './sharing/ways.js'

const ALL_WAYS = [
  { id: 'host', title: 'the host itself', options: { send: 'host' } },
  { id: 'knex', title: 'knex on its own pool', options: { send: 'knex' } },
  { id: 'again', title: 'knex on its own pool once more', options: { send: 'knex' } },
  { id: 'bare', title: 'borrowing knex, no guard', options: { send: 'borrowing knex' } },
  { id: 'session', title: 'session, no guard', options: { send: 'session' } },
  { id: 'query', title: 'session’s `.query`, no guard', options: { send: 'session, `.query`' } },
  { id: 'by hand', title: 'the host, in a savepoint by hand', options: { send: 'host, in a savepoint' } },
  {
    id: 'guarded',
    title: 'borrowing knex, guarded',
    options: { send: 'borrowing knex', guard: 'savepoint' },
  },
  { id: 'guarded session', title: 'session, guarded', options: { send: 'session', guard: 'savepoint' } },
]

const { values: flags } = parseArgs({
  options: {
    ways: { type: 'string' },
    rounds: { type: 'string', default: '24' },
    generations: { type: 'string', default: '3' },
    ms: { type: 'string', default: '250' },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
  },
})
const rounds = Number(flags.rounds)
const generations = Math.min(rounds, Number(flags.generations))
const ms = Number(flags.ms)
const wanted = flags.ways?.split(',')
const WAYS = ALL_WAYS.filter(({ id }) => !wanted || wanted.includes(id) || id === 'host' || id === 'knex')

const server = await startServer(SCHEMA)
const results = []
const roundTrips = new Map()
try {
  for (const { id, options } of WAYS) roundTrips.set(id, await countRoundTrips(options))
  for (let generation = 0; generation < generations; generation++) {
    const subjects = []
    try {
      for (const { id, options } of WAYS)
        subjects.push(
          await startSubject({ name: id, module: MODULE, options: { url: server.url, ...options } }),
        )
      await warmUp(subjects, { ms: 3_000, concurrency: 1 })
      const units = await calibrate(subjects, { ms, concurrency: 1 })
      const round = { rounds: Math.ceil(rounds / generations), warmup: 2, units, concurrency: 1 }
      results.push(...(await measureRounds(subjects, round)))
    } finally {
      for (const subject of subjects) await subject.stop()
    }
  }
} finally {
  await server.stop()
}

const rows = WAYS.map(({ id, title }) => ({
  way: id,
  title,
  wallUs: spreadOf(results.map(round => round[id].wallUs)),
  cpuUs: spreadOf(results.map(round => round[id].cpuUs)),
  host: ratioOf(results, id, 'host', 'wallUs'),
  knex: ratioOf(results, id, 'knex', 'wallUs'),
  roundTrips: roundTrips.get(id),
}))
const exactly = value => ({ median: value, low: value, high: value })
const has = ({ way }) => roundTrips.has(way)
const added = way => exactly(roundTrips.get(way) - roundTrips.get('host'))
await print({
  bench: 'sharing',
  rows,
  figures: [
    {
      way: 'bare',
      what: 'borrowing knex without guard / knex on its own pool',
      limit: 1.05,
      measured: rows.find(({ way }) => way === 'bare')?.knex,
    },
    { way: 'guarded', what: 'round trips that the guard adds, knex', limit: 2, measured: added('guarded') },
    {
      way: 'guarded session',
      what: 'round trips that the guard adds, session',
      limit: 2,
      measured: added('guarded session'),
    },
  ].filter(has),
  server,
  settings: { rounds, generations, ms },
  flags,
})

/** How often the server says that it is ready again, for one statement. */
async function countRoundTrips(options) {
  const counter = await startCounter(server.url)
  const way = await open({ url: counter.url, ...options })
  try {
    await way.unit(1)
    const before = counter.ready()
    for (let unit = 1; unit <= 20; unit++) await way.unit(unit)
    return (counter.ready() - before) / 20
  } finally {
    await way.close()
    await counter.stop()
  }
}
