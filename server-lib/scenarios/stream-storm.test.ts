import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { freshSeed, isLong, Seeded, seedFromEnv } from '../testing/seeded.ts'
import { watchGround } from '../testing/watch-ground.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())

const STORM_MS = isLong ? 30_000 : 1_500
/** Longer than everybody's check-out deadline, after which nobody has a reason to wait. */
const LET_GO_MS = 7_000
/** What may be told to a reader that was cut short: nothing that belongs to another's stream. */
const LEGAL = new Set([
  'EL_ENDED',
  'EL_CONNECTION_LOST',
  'EL_CHECKOUT_TIMEOUT',
  'EL_CHECKOUT_FAILED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

const fresh = seedFromEnv()?.seed ?? freshSeed()
const seeds = [233_754, 41, fresh]

test.each(seeds.flatMap(seed => (['autocommit', 'transaction'] as const).map(mode => [mode, seed] as const)))(
  'streams that are broken off, aborted and killed at random on a pool of one let every reader go: %s, seed %d',
  async (mode, seed) => {
    const chance = new Seeded(seed)
    await using watch = await watchGround(database, { max: 2 })
    await using engines = createEngines({
      main: engine()({ connection: database.url, mode, pool: { max: 1 }, checkoutTimeoutMs: 5_000 }),
    })
    const until = performance.now() + STORM_MS
    const doing = new Map<number, string>()
    const strange: string[] = []
    let readers = 0
    const reader = async (own: Seeded) => {
      while (performance.now() < until) {
        const number = readers++
        const stop = new AbortController()
        const db = engines.open({ signal: stop.signal })
        const rows = own.between(1, 400)
        const sql = `select generate_series(1, ${rows})`
        const breakAfter = own.chance(0.6) ? own.between(1, 250) : Infinity
        const source = own.pick(['text', 'builder'])
        const ending = own.pick(['let be', 'let be', 'abort', 'destroy'])
        const afterMs = own.next() * 6
        const story = `${number} (${source}, ${rows} rows, break after ${breakAfter}, ${ending} after ${afterMs} ms)`
        try {
          doing.set(number, `${story} reads`)
          const stream = source === 'text' ? db.main.stream(sql) : db.main.stream(db.main.raw(sql))
          if (ending === 'abort') setTimeout(() => stop.abort(), afterMs)
          if (ending === 'destroy') setTimeout(() => stream.destroy(), afterMs)
          let read = 0
          for await (const _row of stream) if (++read >= breakAfter) break
          if (ending === 'let be' && read < Math.min(rows, breakAfter)) strange.push(`${story}: ${read} rows`)
          doing.set(number, `${story} asks`)
          const asked = await db.main.query('select $1::int as number', [number])
          if (asked.rows[0]?.number !== number) strange.push(`${story}: ${JSON.stringify(asked.rows)}`)
        } catch (error) {
          const { code } = error as { code?: string }
          if (!LEGAL.has(String(code))) strange.push(`${story}: ${code} ${String(error)}`)
        }
        doing.set(number, `${story} ends`)
        await db.end()
        doing.delete(number)
      }
    }
    const killer = async (own: Seeded) => {
      while (performance.now() < until) {
        await sleep(own.next() * 30)
        const [backend] = await database.backends()
        if (backend) await database.admin('select pg_terminate_backend($1)', [backend.pid])
      }
    }
    const all = [...Array.from({ length: 8 }, () => reader(chance.fork())), killer(chance.fork())]
    const letGo = Promise.all(all).then(() => 'all let go')
    const late = sleep(STORM_MS + LET_GO_MS, 'some wait for ever', { ref: false })
    expect(await Promise.race([letGo, late]), [...doing.values()].join('\n')).toBe('all let go')
    expect(strange.join('\n')).toBe('')
    // Each of the eight more than once; how often says more of the machine.
    expect(readers).toBeGreaterThan(16)
    await watch.expectSound(engines)
  },
  STORM_MS + LET_GO_MS + 10_000,
)
