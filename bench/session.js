// What one unit of work costs through our session and through what a user would take instead.
import { parseArgs } from 'node:util'
import { print } from './report.js'
import { calibrate, measureRounds, warmUp } from './rounds.js'
import { startServer } from './server.js'
import { spreadOf, ratioOf } from './statistics.js'
import { startNetwork, startSubject, startTogether } from './subjects.js'
import { SCHEMA } from './unit.js'

const WAYS = {
  a: { title: 'hand-written pg', module: './ways/hand-written-pg.js' },
  aa: { title: 'hand-written pg once more', module: './ways/hand-written-pg.js' },
  b: { title: 'session with builders', module: './ways/session-builders.js' },
  c: { title: 'session’s `.query`', module: './ways/session-query.js' },
  d: { title: '`knex.transaction()`', module: './ways/knex-transaction.js' },
  mikro: { title: 'MikroORM', module: './ways/mikro-orm.js' },
  typeorm: { title: 'TypeORM', module: './ways/typeorm.js' },
  drizzle: { title: 'Drizzle', module: './ways/drizzle.js' },
}

/** What a way may cost, as a multiple of another one's wall time. */
const FIGURES = [
  { way: 'b', base: 'a', concurrency: 1, limit: 1.28 },
  { way: 'b', base: 'a', concurrency: 8, limit: 1.35 },
  { way: 'c', base: 'a', concurrency: 1, limit: 1.1 },
  { way: 'c', base: 'a', concurrency: 8, limit: 1.1 },
  { way: 'b', base: 'd', concurrency: 1, limit: 0.85 },
  { way: 'b', base: 'd', concurrency: 8, limit: 0.78 },
  { way: 'b', base: 'a', concurrency: 1, network: true, limit: 0.8 },
]

/** The same where one process has all ways: each then meets objects of the others in the code that they share. */
const MIXED_FIGURES = [
  { way: 'b', base: 'a', concurrency: 1, limit: 1.3 },
  { way: 'b', base: 'a', concurrency: 8, limit: 1.3 },
  { way: 'b', base: 'd', concurrency: 1, limit: 0.85 },
  { way: 'b', base: 'd', concurrency: 8, limit: 0.75 },
]

/** Each way by itself, before anything is measured. */
const WARM_UP_MS = 3_000

const { values: flags } = parseArgs({
  options: {
    variants: { type: 'string', default: Object.keys(WAYS).join(',') },
    concurrency: { type: 'string', default: '1,8,64' },
    rounds: { type: 'string', default: '18' },
    generations: { type: 'string', default: '3' },
    ms: { type: 'string', default: '250' },
    max: { type: 'string', default: '10' },
    mixed: { type: 'boolean', default: false },
    'network-ms': { type: 'string', default: '1' },
    'cpu-prof': { type: 'string' },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
  },
})
const rounds = Number(flags.rounds)
const generations = Math.min(rounds, Number(flags.generations))
const ms = Number(flags.ms)
const max = Number(flags.max)
const networkMs = Number(flags['network-ms'])
const wanted = flags.variants.split(',')
const unknown = wanted.find(name => !WAYS[name])
if (unknown !== undefined) {
  throw new Error(`There is no variant "${unknown}"; there are ${Object.keys(WAYS).join(', ')}.`)
}

const server = await startServer(SCHEMA)
const rows = []
try {
  await measure(
    wanted.map(name => ({ name, options: { url: server.url, max } })),
    flags.concurrency.split(',').map(Number),
    false,
  )
  if (networkMs > 0) {
    const network = await startNetwork(server.url, networkMs)
    try {
      const far = wanted.filter(name => ['a', 'b', 'c'].includes(name))
      const alone = far.filter(name => name !== 'a').map(name => ({ name, pipeline: false }))
      const ways = [...far.map(name => ({ name })), ...alone]
      await measure(
        ways.map(({ name, pipeline }) => ({ name, options: { url: network.url, max, pipeline } })),
        [1],
        true,
      )
    } finally {
      await network.stop()
    }
  }
} finally {
  await server.stop()
}
await print({
  bench: 'session',
  rows,
  figures: figures(),
  server,
  settings: { rounds, generations, ms, max, networkMs, mixed: flags.mixed },
  flags,
})

/** Every way at every concurrency, in processes that are new in each generation: a process has a luck of its own. */
async function measure(ways, concurrencies, network) {
  const measured = new Map(concurrencies.map(concurrency => [concurrency, []]))
  for (let generation = 0; generation < generations; generation++) {
    const subjects = []
    try {
      if (flags.mixed) subjects.push(...(await startTogether(ways.map(subjectOf), profiled('mixed'))))
      else for (const way of ways) subjects.push(await startSubject(subjectOf(way)))
      await warmUp(subjects, { ms: WARM_UP_MS })
      for (const [concurrency, results] of measured) {
        const units = await calibrate(subjects, { ms, concurrency })
        const options = { rounds: Math.ceil(rounds / generations), warmup: 2, units, concurrency }
        results.push(...(await measureRounds(subjects, options)))
      }
    } finally {
      for (const subject of subjects) await subject.stop()
    }
  }
  const ids = new Set(ways.map(way => subjectOf(way).name))
  for (const [concurrency, results] of measured) {
    for (const way of ways) {
      const { name: id } = subjectOf(way)
      const { pipeline = true } = way.options
      rows.push({
        way: way.name,
        title: `${WAYS[way.name].title}${pipeline ? '' : ', `pipeline: false`'}`,
        network,
        pipeline,
        concurrency,
        wallUs: spreadOf(results.map(round => round[id].wallUs)),
        cpuUs: spreadOf(results.map(round => round[id].cpuUs)),
        a: ids.has('a') ? ratioOf(results, id, 'a', 'wallUs') : null,
        d: ids.has('d') ? ratioOf(results, id, 'd', 'wallUs') : null,
      })
    }
  }
}

function subjectOf({ name, options }) {
  const id = options.pipeline === false ? `${name} BEGIN alone` : name
  return { name: id, module: WAYS[name].module, options, execArgv: profiled(id) }
}

function profiled(id) {
  const profile = flags['cpu-prof']
  return profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}/${id}`] : []
}

function figures() {
  return (flags.mixed ? MIXED_FIGURES : FIGURES).flatMap(
    ({ way, base, concurrency, network = false, limit }) => {
      const found = rows.find(
        row => row.way === way && row.concurrency === concurrency && row.network === network && row.pipeline,
      )
      if (!found || !wanted.includes(base)) return []
      const where = network ? `${networkMs} ms network, read first` : `concurrency ${concurrency}`
      return [{ what: `${WAYS[way].title} / ${WAYS[base].title}, ${where}`, limit, measured: found[base] }]
    },
  )
}
