import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { sequences } from '../testing/container-moves/move.ts'
import { playContainers } from '../testing/container-moves/play.ts'
import { openWorld, SCHEMA, type World } from '../testing/container-moves/world.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { freshSeed, isLong, seedFromEnv } from '../testing/seeded.ts'

let shop: TestDatabase
let books: TestDatabase
/** By the size of their pools. */
const worlds = new Map<number, World>()
/** What reached the process and is not a warning of ours, of which there are hundreds. */
const trouble: string[] = []
const before = process.listeners('warning')
const onWarning = (warning: Error) => {
  if (warning.name !== 'EnginelightWarning' || (warning as { code?: string }).code === 'EL_LEFT_OPEN')
    trouble.push(String(warning))
}

beforeAll(async () => {
  process.removeAllListeners('warning')
  process.on('warning', onWarning)
  ;[shop, books] = await Promise.all([createDatabase(SCHEMA), createDatabase(SCHEMA)])
  for (const max of [1, 2, 3]) {
    const world = openWorld(shop, books, max)
    worlds.set(max, world)
    await world.engines.install()
  }
})

afterAll(async () => {
  for (const { engines } of worlds.values()) await engines.close({ graceMs: 1_000 })
  for (const database of [shop, books]) {
    await expectQuiet(database)
    await expectBackends(database, 0)
    await database.drop()
  }
  process.off('warning', onWarning)
  for (const listener of before) process.on('warning', listener)
  expect(trouble).toEqual([])
})

const RUNS = isLong ? 2_000 : 100
const MINUTES = isLong ? 15 : 2

test(
  `${RUNS} random sequences of moves, legal and illegal, by containers side by side over three engines on two databases: what was told to be committed is there on all engines, and nothing else`,
  async () => {
    const given = seedFromEnv()
    await fc.assert(
      fc.asyncProperty(sequences, sequence => playContainers(worlds.get(sequence.max) as World, sequence)),
      {
        seed: given?.seed ?? freshSeed(),
        ...(given?.path === undefined ? {} : { path: given.path }),
        numRuns: RUNS,
        // Shrinking a sequence that hangs would take hours.
        interruptAfterTimeLimit: MINUTES * 60_000 - 20_000,
        markInterruptAsFailure: true,
      },
    )
  },
  MINUTES * 60_000,
)
