// What a million rows cost as a table of Apache Arrow, beside knex's rows alone and tables made of them. Each reading has a
// process of its own, since it is the most that it ever took that is measured.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { schema } from './arrow/schema.js'
import { print } from './report.js'
import { startServer } from './server.js'
import { spreadOf } from './statistics.js'

const WAYS = {
  toArrow: '`toArrow()`',
  batches: '`arrowBatches()`, each let go',
  knex: '`await knex(table)`, its rows',
  arrays: 'knex, then `tableFromArrays`',
  json: 'knex, then `tableFromJSON`',
}

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    ways: { type: 'string', default: Object.keys(WAYS).join() },
    json: { type: 'string' },
    markdown: { type: 'boolean', default: false },
  },
})
const count = Number(flags.rows)
// All are held against knex.
const ways = [...new Set([...flags.ways.split(','), 'knex'])]
const unknown = ways.find(name => !WAYS[name])
if (unknown !== undefined) {
  throw new Error(`There is no way "${unknown}"; there are ${Object.keys(WAYS).join(', ')}.`)
}
const server = await startServer(`${schema(count)}; create table warm as select * from sales limit 500`)
/** Of each round, by way. */
const rounds = []
try {
  for (let round = 0; round < Number(flags.rounds); round++) {
    const figures = {}
    // The baseline is a process that has loaded and connected all the same, and reads nothing.
    for (const way of shuffled(['nothing', ...ways])) figures[way] = await readIn(way)
    rounds.push(figures)
  }
} finally {
  await server.stop()
}

async function readIn(way) {
  const reader = fileURLToPath(new URL('arrow/reader.js', import.meta.url))
  const child = fork(reader, [server.url, way], { env: { ...process.env, NODE_OPTIONS: '', PGTZ: 'UTC' } })
  const gone = once(child, 'exit')
  const [answer] = await Promise.race([once(child, 'message'), gone])
  const [code] = await gone
  if (code !== 0 || typeof answer !== 'object') throw new Error(`reading by ${way} ended with ${code}`)
  if (way !== 'nothing' && answer.rows !== count) throw new Error(`${way} has read ${answer.rows} rows`)
  return answer
}

function shuffled(list) {
  const drawn = [...list]
  for (let index = drawn.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1))
    ;[drawn[index], drawn[other]] = [drawn[other], drawn[index]]
  }
  return drawn
}

const added = way => round => round[way].peakMb - round.nothing.peakMb
const of = measure => spreadOf(rounds.map(measure))
const rows = ways.map(way => ({
  way,
  title: WAYS[way],
  wallMs: of(round => round[way].ms),
  cpuMs: of(round => round[way].cpuMs),
  peakMb: of(round => round[way].peakMb),
  addedMb: of(added(way)),
  wall: of(round => round[way].ms / round.knex.ms),
  added: of(round => added(way)(round) / added('knex')(round)),
}))
const ours = rows.find(({ way }) => way === 'toArrow')
await print({
  bench: 'arrow',
  rows,
  figures: ours
    ? [
        {
          what: 'peak memory of `toArrow()` / of rows materialised by knex, above the same process that reads nothing',
          limit: 0.35,
          measured: ours.added,
        },
        { what: 'time of `toArrow()` / of knex', limit: 1, measured: ours.wall },
      ]
    : [],
  server,
  settings: {
    rows: count,
    rounds: rounds.length,
    'MB before anything is read': Math.round(of(round => round.nothing.peakMb).median),
  },
  flags,
})
