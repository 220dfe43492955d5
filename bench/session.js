// What one unit of work costs through our session and through what a user would take instead.
import { parseArgs } from 'node:util'
import { measureRounds, unitsWithin } from './rounds.js'
import { startServer } from './server.js'
import { ratioOf, spreadOf } from './statistics.js'
import { startSubject } from './subjects.js'
import { SCHEMA } from './unit.js'

const WAYS = {
  a: { title: 'hand-written pg', module: './ways/hand-written-pg.js' },
  b: { title: 'session with builders', module: './ways/session-builders.js' },
  c: { title: "session's .query", module: './ways/session-query.js' },
  d: { title: 'knex.transaction()', module: './ways/knex-transaction.js' },
}

const { values: flags } = parseArgs({
  options: {
    variants: { type: 'string', default: Object.keys(WAYS).join(',') },
    concurrency: { type: 'string', default: '1,8' },
    rounds: { type: 'string', default: '15' },
    ms: { type: 'string', default: '250' },
    max: { type: 'string', default: '10' },
    'cpu-prof': { type: 'string' },
  },
})
const variants = flags.variants.split(',')
const rounds = Number(flags.rounds)

const server = await startServer(SCHEMA)
const subjects = []
try {
  for (const name of variants) {
    const { module } = WAYS[name]
    const options = { url: server.url, max: Number(flags.max) }
    const execArgv = flags['cpu-prof'] ? ['--cpu-prof', `--cpu-prof-dir=${flags['cpu-prof']}/${name}`] : []
    subjects.push(await startSubject({ name, module, options, execArgv }))
  }
  for (const concurrency of flags.concurrency.split(',').map(Number)) {
    const units = await unitsWithin(Number(flags.ms), subjects[0], concurrency)
    const measured = await measureRounds(subjects, { rounds, warmup: 5, units: () => units, concurrency })
    print(concurrency, measured)
  }
} finally {
  for (const subject of subjects) await subject.stop()
  await server.stop()
}

function print(concurrency, measured) {
  console.log(`\nconcurrency ${concurrency}, ${measured.length} rounds`)
  for (const name of variants) {
    const wall = spreadOf(measured.map(round => round[name].wallUs))
    const cpu = spreadOf(measured.map(round => round[name].cpuUs))
    const ratio = base => text(ratioOf(measured, name, base, 'wallUs'), 3)
    console.log(
      `(${name}) ${WAYS[name].title.padEnd(22)} ${text(wall, 0)} µs  cpu ${text(cpu, 0)} µs` +
        `  /${variants[0]} ${ratio(variants[0])}` +
        (variants.includes('d') ? `  /d ${ratio('d')}` : ''),
    )
  }
}

function text({ median, low, high }, digits) {
  return `${median.toFixed(digits)} [${low.toFixed(digits)}..${high.toFixed(digits)}]`
}
