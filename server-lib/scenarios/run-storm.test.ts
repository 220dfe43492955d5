import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { freshSeed, isLong, Seeded, seedFromEnv } from '../testing/seeded.ts'
import { twoDatabases, type TwoDatabases } from '../testing/two-databases.ts'

const two = twoDatabases()
const TRANSFERS = isLong ? 2_000 : 120
const AT_ONCE = 8

/** What a transfer was told: `either` where nobody could tell. */
type Told = 'done' | 'not done' | 'either'

test(
  `${TRANSFERS} transfers between two databases, serializable and repeated, while backends are killed: each is on both or on none, as told`,
  async () => {
    const seed = seedFromEnv()?.seed ?? freshSeed()
    const chance = new Seeded(seed)
    for (const { admin } of [two.shop, two.books]) await admin('insert into counter values (1, 0), (2, 0)')
    const engines = two.open({
      pool: { max: AT_ONCE },
      checkoutTimeoutMs: 10_000,
      commitTimeoutMs: 5_000,
    })
    const told = new Map<string, Told>()
    const failures: unknown[] = []
    let attempts = 0
    const transfer = async (name: string, row: number) => {
      const outcome = engines.run(
        async db => {
          attempts++
          for (const session of [db.writer, db.ledger]) {
            await session('t').insert({ name })
            const [{ n }] = await session('counter').where({ id: row })
            await session('counter')
              .where({ id: row })
              .update({ n: n + 1 })
          }
        },
        // The killer keeps its pace on a busy machine, where an attempt takes long enough to be hit nearly each time.
        { isolation: 'serializable', retry: { times: 500, backoffMs: 5, maxBackoffMs: 100 } },
      )
      told.set(
        name,
        await outcome.then(
          () => 'done' as const,
          (error: { code?: string }) => {
            if (error.code === 'EL_COMMIT_UNKNOWN') return 'either'
            failures.push(error)
            return 'not done'
          },
        ),
      )
    }
    const over = new AbortController()
    const killing = kill(two, chance.fork(), over.signal)
    let next = 0
    const worker = async () => {
      for (let id = next++; id < TRANSFERS; id = next++)
        await transfer(`transfer ${id}`, chance.between(1, 2))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    over.abort()
    const killed = await killing
    // One whose decision was not found out in time is ended as it says.
    const recovery = engines.recovery({ everyMs: false, olderThanMs: 0 })
    await expect.poll(async () => (await recovery.runNow()).isClear, { timeout: 5_000 }).toBe(true)
    await recovery.stop()
    await engines.close()

    const [shop, books] = (await two.names()).map(names => names.sort())
    expect(shop, `seed ${seed}`).toEqual(books)
    const there = new Set(shop)
    const wrong = [...told].filter(
      ([name, what]) => what !== 'either' && there.has(name) !== (what === 'done'),
    )
    expect(wrong, `seed ${seed}`).toEqual([])
    for (const { admin } of [two.shop, two.books]) {
      const [row] = await admin<{ sum: string }>('select sum(n) from counter')
      expect(Number(row?.sum), 'nothing counted twice, and nothing lost').toBe(there.size)
    }
    expect(killed).toBeGreaterThan(0)
    expect(attempts, 'some were repeated').toBeGreaterThan(TRANSFERS)
    // Repeated until it went: what is not done would be a reason that another attempt does not take away.
    expect(failures, `seed ${seed}`).toEqual([])
  },
  isLong ? 300_000 : 60_000,
)

/** Kills a backend of either database every now and then. Resolves to how many. */
async function kill({ shop, books }: TwoDatabases, chance: Seeded, over: AbortSignal): Promise<number> {
  let killed = 0
  while (!over.aborted) {
    await sleep(chance.between(5, 60))
    const { admin } = chance.pick([shop, books])
    const rows = await admin<{ done: boolean }>(
      `select pg_terminate_backend(pid) as done from (
         select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
         and application_name <> 'administrator' and backend_type = 'client backend' order by random() limit 1) one`,
    )
    killed += rows.length
  }
  return killed
}
