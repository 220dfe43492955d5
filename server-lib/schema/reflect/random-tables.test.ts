import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { isLong, seedFromEnv } from '../../testing/seeded.ts'
import { connect } from '../testing/connect.ts'
import { askOracle, likeOracle } from '../testing/oracle.ts'
import { statementsFor, tablesArbitrary, TYPES_OF_RANDOM_TABLES } from '../testing/random-tables.ts'
import { fingerprint } from './fingerprint.ts'
import { reflect } from './index.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())

test(
  'whatever tables there are, another program says the same of them',
  { timeout: isLong ? 600_000 : 20_000 },
  async () => {
    await using session = await connect(database.url)
    let tables = 0
    await fc.assert(
      fc.asyncProperty(tablesArbitrary, async drawn => {
        await session.client.query(`drop schema if exists drawn cascade; ${TYPES_OF_RANDOM_TABLES}`)
        const prints = new Set([await fingerprint(session.client)])
        const statements = statementsFor(drawn)
        for (const [at, statement] of statements.entries()) {
          await session.client.query(statement)
          prints.add(await fingerprint(session.client))
          expect(prints.size, statement).toBe(at + 2)
        }
        const ours = likeOracle(await reflect(session.client, { schemas: ['drawn'] }))
        expect(ours).toEqual(await askOracle(database.url, ['drawn']))
        expect(ours).toHaveLength(drawn.length)
        tables += drawn.length
      }),
      { numRuns: isLong ? 300 : 6, ...seedFromEnv() },
    )
    expect(tables).toBeGreaterThan(6)
  },
)
