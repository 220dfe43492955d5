import { afterAll, afterEach, beforeAll, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { freshSeed, isLong, seedFromEnv } from '../testing/seeded.ts'
import { STORM_SCHEMA } from '../testing/storm/history.ts'
import { storm } from '../testing/storm/storm.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase(STORM_SCHEMA)))
afterEach(() => expectQuiet(database))
afterAll(() => database.drop())

/**
 * 125: a backend killed in the packet that made it ready, on a pg.Pool; 143 and 156: the last read of a stream, its
 * connection lost. 115 asks for unknown outcomes. A seed repeats what strikes and when, not the moment between two packets.
 */
const SEEDS = [125, 143, 156, 115]
const FOR_MS = isLong ? 10_000 : 1_000
const FRESH = isLong ? 8 : 1

const given = seedFromEnv()
const seeds = given ? [given.seed] : [...SEEDS, ...Array.from({ length: FRESH }, freshSeed)]

test.each(seeds)(
  'R24 a storm of faults over a load of requests loses no row and no connection (seed %i)',
  async seed => {
    const { setting, jobs, blows, told } = await storm(database, seed, FOR_MS)
    console.info(
      `storm ${seed}: ${jobs} requests, ${blows} blows, ${JSON.stringify({ ...told, ...setting })}`,
    )
  },
  FOR_MS + 60_000,
)
