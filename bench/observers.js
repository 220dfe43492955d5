// What it costs an application's process to be observed, in CPU time per statement.
import { parseArgs } from 'node:util'
import { measureMicro } from './micro.js'
import { print } from './report.js'
import { calibrate, measureRounds, warmUp } from './rounds.js'
import { startServer } from './server.js'
import { spreadOf } from './statistics.js'
import { startSubject } from './subjects.js'
import { SCHEMA } from './unit.js'

/** Statements of a unit, BEGIN and COMMIT among them. */
const WORKLOADS = {
  'plain knex': { module: './observed/plain-knex.js', statements: 2 },
  sessions: { module: './observed/sessions.js', statements: 4 },
}

/** Each with the one that it is compared with: the same without it. The first of a workload is the bottom line. */
const VARIANTS = [
  { workload: 'plain knex', id: 'no engine', observer: 'nobody', isWatched: false },
  {
    workload: 'plain knex',
    id: 'no engine, once more',
    observer: 'nobody',
    isWatched: false,
    base: 'no engine',
  },
  { workload: 'plain knex', id: 'nobody listening', observer: 'nobody', isWatched: true, base: 'no engine' },
  {
    workload: 'plain knex',
    id: 'an empty subscriber on each channel',
    observer: 'subscribers',
    isWatched: true,
    base: 'no engine',
  },
  {
    workload: 'plain knex',
    id: 'the panel’s recorder',
    observer: 'panel',
    isWatched: true,
    base: 'no engine',
  },
  {
    workload: 'plain knex',
    id: 'the panel with a viewer',
    observer: 'viewer',
    isWatched: true,
    base: 'no engine',
  },
  { workload: 'plain knex', id: 'an SDK alone', observer: 'sdk', isWatched: false, base: 'no engine' },
  { workload: 'plain knex', id: 'enginelight/otel', observer: 'otel', isWatched: true, base: 'an SDK alone' },
  {
    workload: 'plain knex',
    id: 'instrumentation-pg + -knex',
    observer: 'official',
    isWatched: false,
    base: 'an SDK alone',
  },
  { workload: 'sessions', id: 'nobody listening', observer: 'nobody' },
  { workload: 'sessions', id: 'nobody listening, once more', observer: 'nobody', base: 'nobody listening' },
  {
    workload: 'sessions',
    id: 'an empty subscriber on each channel',
    observer: 'subscribers',
    base: 'nobody listening',
  },
  { workload: 'sessions', id: 'the panel’s recorder', observer: 'panel', base: 'nobody listening' },
  { workload: 'sessions', id: 'the panel with a viewer', observer: 'viewer', base: 'nobody listening' },
  { workload: 'sessions', id: 'an SDK alone', observer: 'sdk', base: 'nobody listening' },
  { workload: 'sessions', id: 'its spans and measurements alone', observer: 'bare', base: 'an SDK alone' },
  { workload: 'sessions', id: 'enginelight/otel', observer: 'otel', base: 'an SDK alone' },
  { workload: 'sessions', id: 'instrumentation-pg + -knex', observer: 'official', base: 'an SDK alone' },
].map(variant => ({ ...variant, name: `${variant.workload}: ${variant.id}` }))

const { values: flags } = parseArgs({
  options: {
    workloads: { type: 'string', default: Object.keys(WORKLOADS).join(',') },
    observers: { type: 'string' },
    concurrency: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '24' },
    generations: { type: 'string', default: '2' },
    ms: { type: 'string', default: '100' },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
    /** Only the two small costs. */
    micro: { type: 'boolean', default: false },
  },
})
const settings = {
  concurrency: Number(flags.concurrency),
  rounds: Number(flags.rounds),
  generations: Number(flags.generations),
  ms: Number(flags.ms),
}
const observers = flags.observers?.split(',')
const variants = VARIANTS.filter(
  ({ workload, observer }) =>
    !flags.micro &&
    flags.workloads.split(',').includes(workload) &&
    (!observers || observers.includes(observer)),
)

const server = await startServer(SCHEMA)
const rounds = []
try {
  const generations = variants.length > 0 ? settings.generations : 0
  for (let generation = 0; generation < generations; generation++) rounds.push(...(await measure()))
} finally {
  await server.stop()
}
const rows = variants.map(row)
const micro = await measureMicro()
await print({
  bench: 'observers',
  rows,
  micro: micro.rows,
  figures: [...figures(), ...micro.figures],
  server,
  settings,
  flags,
})

async function measure() {
  const { concurrency, ms, generations } = settings
  const subjects = []
  try {
    for (const { name, workload, observer, isWatched } of variants) {
      const profile = flags['cpu-prof']
      const execArgv = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}/${workload}-${observer}`] : []
      const { module } = WORKLOADS[workload]
      subjects.push(
        await startSubject({
          name,
          module,
          options: { url: server.url, max: 10, observer, isWatched },
          execArgv,
        }),
      )
    }
    // V8 still compiles after a second: what is measured then is the compiler, most of it in the variant with most code.
    await warmUp(subjects, { ms: 3_000 })
    const units = await calibrate(subjects, { ms, concurrency })
    return await measureRounds(subjects, {
      rounds: Math.ceil(settings.rounds / generations),
      warmup: 2,
      units,
      concurrency,
    })
  } finally {
    for (const subject of subjects) await subject.stop()
  }
}

/** CPU per statement of a variant above its base, in the same round. */
function addedIn(round, { workload, name, base }) {
  const { statements } = WORKLOADS[workload]
  return (round[name].cpuUs - round[`${workload}: ${base}`].cpuUs) / statements
}

function row(variant) {
  const { workload, id, base, name } = variant
  const { statements } = WORKLOADS[workload]
  const last = rounds.at(-1)[name]
  return {
    workload,
    id,
    base,
    cpuUs: spreadOf(rounds.map(round => round[name].cpuUs / statements)),
    added:
      base && rounds[0][`${workload}: ${base}`]
        ? spreadOf(rounds.map(round => addedIn(round, variant)))
        : null,
    spans: last.spans === undefined ? null : last.spans / last.units,
    messages: last.messages ?? null,
    units: last.units,
  }
}

function figures() {
  return Object.keys(WORKLOADS).flatMap(workload => {
    const find = observer => variants.find(one => one.workload === workload && one.observer === observer)
    const [ours, official, sdk] = ['otel', 'official', 'sdk'].map(find)
    if (!ours || !official || !sdk) return []
    const measured = spreadOf(rounds.map(round => addedIn(round, ours) / addedIn(round, official)))
    return [
      {
        what: `added CPU of enginelight/otel / of instrumentation-pg + -knex, ${workload}`,
        limit: 0.35,
        measured,
      },
    ]
  })
}
