// Transfers money between accounts on two or three servers, several at once, until it is told to stop or is killed; of
// each it writes down, before and after, what it knows. Dies by its own hand where the killer has told it to.
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { engines } from './engines.js'
import { ACCOUNTS, NAMES } from './limits.js'

const { strikeAt } = await import(
  pathToFileURL(join(process.env.CRASH_BUILD, 'identity/fault-points.js')).href
)
const { observe } = await import(pathToFileURL(join(process.env.CRASH_BUILD, 'channels/index.js')).href)
const { Seeded } = await import(pathToFileURL(join(process.env.CRASH_BUILD, 'testing/seeded.js')).href)
const { journal, seed, concurrency } = JSON.parse(process.env.CRASH_WORKER)

// Whatever is thrown where nobody listens would be a fault of the library: the killer asks for the exit code.
process.on('uncaughtException', error => {
  console.error(error)
  process.exit(70)
})
process.on('unhandledRejection', error => {
  console.error(error)
  process.exit(71)
})
process.on('warning', () => {})

const file = openSync(journal, 'a')
const note = entry => {
  writeSync(file, `${JSON.stringify(entry)}\n`)
  fsyncSync(file)
}

observe('enginelight:commit', ({ phase, outcome }) => {
  if (phase === 'recovered') note({ recovered: outcome })
})
const recovery = engines.recovery({ everyMs: 300, olderThanMs: 400 })
const chance = new Seeded(seed)
const stopping = new AbortController()
let made = 0

process.on('message', message => {
  if (message.strike) {
    const { point, after, signal } = message.strike
    strikeAt(point, () => process.kill(process.pid, signal), { after })
  } else if (message.stop) stopping.abort()
})

async function work(chance) {
  while (!stopping.signal.aborted) await transfer(`${process.pid}-${made++}`, chance)
}

async function transfer(id, chance) {
  const without = chance.chance(0.5) ? undefined : chance.pick(NAMES)
  const used = NAMES.filter(name => name !== without)
  const amount = chance.between(1, 9)
  const account = chance.between(1, ACCOUNTS)
  // The first gives what the others get.
  const given = used.map((name, index) => [name, index === 0 ? -amount * (used.length - 1) : amount])
  note({ id, state: 'begun', engines: used })
  const db = engines.open({ label: id })
  let state
  let isCommitting = false
  try {
    for (const [name, delta] of given) {
      await db[name].query('insert into transfer (id, delta) values ($1, $2)', [id, delta])
      await db[name].query('update account set balance = balance + $1 where id = $2', [delta, account])
    }
    // Some do not want it after all.
    if (chance.chance(0.05)) {
      await db.rollback()
      state = { state: 'failed', code: 'rolled back' }
    } else {
      isCommitting = true
      const report = await db.commit()
      state = { state: 'committed', mode: report.mode, outcomes: Object.values(report.engines) }
    }
  } catch (error) {
    const known = { EL_COMMIT_UNKNOWN: 'unknown', EL_PARTIAL_COMMIT: 'partial' }
    state = { state: known[error.code] ?? 'failed', code: error.code, message: error.message }
  }
  await db.end()
  note({ id, ...state })
  process.send?.({ done: isCommitting })
  // While a server is away, nothing is gained by failing faster.
  if (!isCommitting) await new Promise(resolve => setTimeout(resolve, 20))
}

process.send?.({ ready: true })
await Promise.all(Array.from({ length: concurrency }, () => work(chance.fork())))
await recovery.stop()
await engines.close({ graceMs: 3_000 })
closeSync(file)
process.disconnect?.()
