// Transfers between three PostgreSQL servers while a killer strikes; then `enginelight recover`, and the books are
// compared. Ends with 1 where two servers disagree, a report was wrong, or anything is left (`npm run test:crash`).
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Seeded, freshSeed } from '../.cache/compiled/server-lib/testing/seeded.js'
import { root, run } from '../scripts/shell.js'
import { compare, readJournals } from './crash/books.js'
import { buildWithFaultPoints } from './crash/build.js'
import { Worker } from './crash/processes.js'
import { startServers } from './crash/servers.js'
import { Killer } from './crash/strikes.js'

const { values: flags } = parseArgs({
  options: {
    transfers: { type: 'string', default: '300' },
    kills: { type: 'string', default: '60' },
    stops: { type: 'string', default: '3' },
    'stop-seconds': { type: 'string', default: '10' },
    seed: { type: 'string', default: String(freshSeed()) },
  },
})
const number = name => {
  const value = Number(flags[name])
  if (Number.isInteger(value) && value >= 0) return value
  console.error(`--${name} is a number, not ${flags[name]}.`)
  return process.exit(2)
}
const wanted = { transfers: number('transfers'), kills: number('kills'), stops: number('stops') }
const seed = number('seed')
const stopMs = number('stop-seconds') * 1_000
const CONCURRENCY = 4

console.log(`seed ${seed}: --seed ${seed} strikes in the same order again`)
const startedAt = performance.now()
const chance = new Seeded(seed)
const [build, { servers, urls, stop }] = await Promise.all([buildWithFaultPoints(), startServers()])
const folder = await mkdtemp(join(tmpdir(), 'enginelight-crash-'))
const env = {
  CRASH_BUILD: build,
  CRASH_URLS: urls,
  CRASH_RECOVERED: join(folder, 'recovered.jsonl'),
  NODE_ENV: 'production',
  NODE_NO_WARNINGS: '1',
}
const killer = new Killer(chance, servers, env, stopMs)
const journals = []
const faults = []
let worker
let made = 0

/** The worker that lives, or a new one. */
async function living() {
  if (worker?.lives) return worker
  if (worker) ended()
  const journal = join(folder, `${journals.length}.jsonl`)
  journals.push(journal)
  worker = new Worker(env, { journal, seed: chance.between(0, 2 ** 30), concurrency: CONCURRENCY })
  await worker.ready
  return worker
}

function ended() {
  made += worker.done
  if (worker.ending !== 0 && worker.ending !== 'SIGKILL') faults.push(`a worker ended with ${worker.ending}`)
}

let isSound = false
try {
  let stops = 0
  while (
    made + (worker?.done ?? 0) < wanted.transfers ||
    killer.kills < wanted.kills ||
    stops < wanted.stops
  ) {
    const own = await living()
    const until = performance.now() + 1_000
    const enough = own.done + chance.between(0, 8)
    while (own.lives && own.done < enough && performance.now() < until) await pause(5)
    const isDue = stops < wanted.stops && killer.kills >= (wanted.kills / wanted.stops) * stops
    if (isDue) {
      stops++
      await killer.strike(own, 'stopped')
      await killer.strike(await living(), 'paused')
    } else {
      await killer.strike(own)
    }
  }
  await (await living()).stop()
  ended()
  const atTheEnd = await recoverAtTheEnd()
  const { transfers, recovered } = await readJournals([...journals, env.CRASH_RECOVERED])
  // Connections that a strike has lost in a black hole: their server still waits for somebody.
  for (const { proxy } of servers) proxy.reset()
  const { disagreements, leftovers } = await compare(transfers, servers)
  disagreements.push(...faults)
  report({ transfers, disagreements, leftovers, recovered, atTheEnd })
  isSound = disagreements.length === 0 && leftovers.length === 0
} finally {
  worker?.signal('SIGKILL')
  await stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(isSound ? 0 : 1)

/** What an operator does: until nothing is left, and then once more for the decisions that are done. */
async function recoverAtTheEnd() {
  const main = join(root, 'dist/cli/main.js')
  const command = [main, 'recover', '--engines', join(root, 'bench/crash/engines.js'), '--older-than', '0ms']
  const until = performance.now() + 20_000
  let answer
  do {
    answer = await run('node', command, { capture: true, env: { CRASH_URLS: urls } })
    if (answer.code === 2) throw new Error(answer.output)
  } while (answer.code !== 0 && performance.now() < until)
  await run('node', [...command, '--keep-decisions', '0ms'], { capture: true, env: { CRASH_URLS: urls } })
  return answer.output.trim()
}

function report({ transfers, disagreements, leftovers, recovered, atTheEnd }) {
  const tally = values => {
    const counts = {}
    for (const value of values) counts[value] = (counts[value] ?? 0) + 1
    return Object.entries(counts)
      .toSorted(([one], [other]) => one.localeCompare(other))
      .map(([value, count]) => `${count} ${value}`)
      .join(', ')
  }
  const all = [...transfers.values()]
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  const threes = all.filter(({ engines }) => engines.length === 3).length
  console.log(
    `${all.length} transfers (${threes} between three servers) in ${seconds} s, ${journals.length} workers`,
  )
  console.log(`${killer.kills} kills; strikes by kind:`)
  for (const [kind, count] of Object.entries(killer.counts).toSorted()) console.log(`  ${count} ${kind}`)
  console.log(`outcomes as told: ${tally(all.map(({ state }) => state))}`)
  console.log(
    `failures by code: ${tally(all.flatMap(({ state, code }) => (state === 'failed' ? [code] : [])))}`,
  )
  console.log(`recovered meanwhile: ${tally(recovered) || 'nothing'}; at the end: ${atTheEnd}`)
  for (const one of disagreements) console.log(`DISAGREEMENT ${one}`)
  for (const one of leftovers) console.log(`LEFT ${one}`)
  console.log(`${disagreements.length} disagreements, ${leftovers.length} leftovers`)
}

function pause(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}
