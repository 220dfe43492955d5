import fc from 'fast-check'
import { afterAll, beforeAll, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { sequences } from '../testing/moves/move.ts'
import { play } from '../testing/moves/play.ts'
import { SCHEMA } from '../testing/moves/world.ts'
import { freshSeed, isLong, seedFromEnv } from '../testing/seeded.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase(SCHEMA)))
afterAll(() => database.drop())

const RUNS = isLong ? 2_000 : 300
const MINUTES = isLong ? 15 : 3

test(
  `${RUNS} random sequences of moves, legal and illegal, by sessions side by side: each ends as the model says`,
  async () => {
    const given = seedFromEnv()
    const seed = given?.seed ?? freshSeed()
    await fc.assert(
      fc.asyncProperty(sequences, sequence => play(database, sequence)),
      {
        seed,
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
