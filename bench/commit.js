// What a commit over one, two and three engines costs, beside the same statements written by hand on pg. Each engine is a
// PostgreSQL of its own that syncs to the disk, as a server that matters does.
import { parseArgs } from 'node:util'
import { countRoundTrips } from './commit/round-trips.js'
import { startServers } from './commit/servers.js'
import { print } from './report.js'
import { calibrate, measureRounds, warmUp } from './rounds.js'
import { ratioOf, spreadOf } from './statistics.js'
import { startSubject } from './subjects.js'

const BY_HAND = './commit/by-hand.js'
const OURS = './commit/ours.js'

/** By how many engines write. `base` is the same protocol by hand, `plain` one COMMIT after the other. */
const WAYS = [1, 2, 3]
  .flatMap(engines => [
    { id: `hand ${engines}`, engines, title: 'by hand', module: BY_HAND, options: { protocol: 'two-phase' } },
    {
      id: `again ${engines}`,
      engines,
      title: 'by hand once more',
      module: BY_HAND,
      options: { protocol: 'two-phase' },
    },
    {
      id: `plain ${engines}`,
      engines,
      title: 'by hand, one COMMIT after the other',
      module: BY_HAND,
      options: { protocol: 'plain' },
    },
    {
      id: `query ${engines}`,
      engines,
      title: '`db.commit()`, `.query`',
      module: OURS,
      options: { via: 'query' },
    },
    {
      id: `builders ${engines}`,
      engines,
      title: '`db.commit()`, builders',
      module: OURS,
      options: { via: 'builders' },
    },
  ])
  .filter(({ id }) => id !== 'plain 1')

const FIGURES = [
  { way: 'query 2', base: 'hand 2', limit: 1.15 },
  { way: 'query 2', base: 'plain 2', limit: 1.6 },
]

/**
 * For each by itself, some ten thousand units: code that has run only a thousand times is not compiled yet, and a commit
 * is mostly waiting for a disk. Those of one number of engines are warmed and measured, then the next: V8 throws away
 * the code of a process that stands idle for a minute.
 */
const WARM_UP_MS = 6_000

const { values: flags } = parseArgs({
  options: {
    concurrency: { type: 'string', default: '1,8' },
    rounds: { type: 'string', default: '20' },
    generations: { type: 'string', default: '2' },
    ms: { type: 'string', default: '80' },
    max: { type: 'string', default: '10' },
    engines: { type: 'string', default: '1,2,3' },
    'cpu-prof': { type: 'string' },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
  },
})
const rounds = Number(flags.rounds)
const generations = Math.min(rounds, Number(flags.generations))
const ms = Number(flags.ms)
const max = Number(flags.max)
const wanted = flags.engines.split(',').map(Number)
const ways = WAYS.filter(({ engines }) => wanted.includes(engines))

const servers = await startServers(3)
const concurrencies = flags.concurrency.split(',').map(Number)
/** Rounds by concurrency and number of engines. */
const measured = new Map(concurrencies.map(one => [one, new Map(wanted.map(engines => [engines, []]))]))
const trips = []
try {
  for (const engines of wanted) trips.push(await countRoundTrips(servers.urls.slice(0, engines)))
  for (let generation = 0; generation < generations; generation++) {
    for (const engines of wanted) await measure(engines)
  }
} finally {
  await servers.stop()
}

const rows = [...measured].flatMap(([concurrency, byEngines]) =>
  ways.map(({ id, engines, title }) => {
    const results = byEngines.get(engines)
    return {
      way: id,
      engines,
      title,
      concurrency,
      wallUs: spreadOf(results.map(round => round[id].wallUs)),
      cpuUs: spreadOf(results.map(round => round[id].cpuUs)),
      hand: ratioOf(results, id, `hand ${engines}`, 'wallUs'),
      plain: engines > 1 ? ratioOf(results, id, `plain ${engines}`, 'wallUs') : null,
    }
  }),
)
await print({
  bench: 'commit',
  rows,
  figures: figures(),
  server: servers,
  settings: { rounds, generations, ms, max },
  flags,
})

async function measure(count) {
  const subjects = []
  try {
    for (const { id, engines, module, options } of ways.filter(way => way.engines === count)) {
      const urls = servers.urls.slice(0, engines)
      const profile = flags['cpu-prof']
      const execArgv = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}/${id.replace(' ', '-')}`] : []
      subjects.push(await startSubject({ name: id, module, options: { urls, max, ...options }, execArgv }))
    }
    for (const subject of subjects) await warmUp([subject], { ms: WARM_UP_MS, concurrency: 8 })
    for (const [concurrency, byEngines] of measured) {
      const units = await calibrate(subjects, { ms, concurrency })
      const options = { rounds: Math.ceil(rounds / generations), warmup: 1, units, concurrency }
      byEngines.get(count).push(...(await measureRounds(subjects, options)))
    }
  } finally {
    for (const subject of subjects) await subject.stop()
  }
}

function figures() {
  const found = FIGURES.flatMap(({ way, base, limit }) =>
    rows
      .filter(row => row.way === way)
      .map(row => {
        const measured = base.startsWith('plain') ? row.plain : row.hand
        const title = WAYS.find(({ id }) => id === base).title
        return {
          what: `two engines, ${row.title} / ${title}, concurrency ${row.concurrency}`,
          limit,
          measured,
        }
      }),
  )
  const extra = trips.map(({ hand, ours }, index) => {
    const beyond = ours - hand
    return {
      what: `round trips beyond the ${hand} by hand, engines: ${wanted[index]}`,
      limit: 0,
      measured: { median: beyond, low: beyond, high: beyond },
    }
  })
  return [...extra, ...found]
}
