import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { Seeded } from '../testing/seeded.ts'
import { watchGround } from '../testing/watch-ground.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())

test.each(['autocommit', 'transaction'] as const)(
  'streams that are broken off, aborted and killed at random on a pool of one: every reader is let go, %s',
  async mode => {
    const seed = Number(process.env['ENGINELIGHT_SEED'] ?? Date.now() % 1_000_000)
    const chance = new Seeded(seed)
    await using watch = await watchGround(database, { max: 2 })
    const engines = createEngines({
      main: engine()({ connection: database.url, mode, pool: { max: 1 }, checkoutTimeoutMs: 5_000 }),
    })
    const until = performance.now() + (process.env['ENGINELIGHT_LONG'] ? 60_000 : 2_500)
    const reading = new Map<number, string>()
    let readers = 0
    const reader = async () => {
      while (performance.now() < until) {
        const number = readers++
        const stop = new AbortController()
        const db = engines.open({ signal: stop.signal })
        const sql = `select generate_series(1, ${1 + Math.floor(chance.next() * 400)})`
        const breakAfter = chance.next() < 0.6 ? Math.floor(chance.next() * 250) : Infinity
        if (chance.next() < 0.3) setTimeout(() => stop.abort(), chance.next() * 8)
        const way = chance.next()
        reading.set(number, `break after ${breakAfter}, way ${way}`)
        try {
          if (way < 0.1) await sleep(chance.next() * 3)
          const stream = way < 0.6 ? db.main.stream(sql) : db.main.stream(db.main.raw(sql))
          if (way > 0.9) setTimeout(() => stream.destroy(), chance.next() * 5)
          let rows = 0
          for await (const _row of stream) if (++rows >= breakAfter) break
          if (chance.next() < 0.3) await db.main.query('select 1')
        } catch {
          // Cut short in one of the ways.
        }
        await db.end()
        reading.delete(number)
      }
    }
    const killer = async () => {
      while (performance.now() < until) {
        await sleep(chance.next() * 15)
        const [backend] = await database.backends()
        if (backend) await database.admin('select pg_terminate_backend($1)', [backend.pid])
      }
    }
    const all = Promise.all([...Array.from({ length: 8 }, reader), killer()]).then(() => 'all let go')
    const late = sleep(until - performance.now() + 8_000, 'some wait for ever')
    expect(await Promise.race([all, late]), `seed ${seed}: ${[...reading].join('; ')}`).toBe('all let go')
    expect(readers).toBeGreaterThan(50)
    await watch.expectSound(engines)
  },
)
