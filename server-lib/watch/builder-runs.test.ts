import { expect, test } from 'vitest'
import { engineReports } from '../channels/engine-reports.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase } from '../testing/database.ts'
import { builderRuns, runsSingleStatement } from './whispers.ts'

test('a runner says so while it runs and not after, and only of the first connection', () => {
  const seen: unknown[] = []
  class Runner {
    run(isFailing: boolean) {
      seen.push(builderRuns.take(), builderRuns.take())
      if (isFailing) throw new Error('no pool')
    }
  }
  const runner = new Runner()
  runsSingleStatement(runner)
  runner.run(false)
  seen.push(builderRuns.take())
  expect(() => runner.run(true)).toThrow('no pool')
  expect([...seen, builderRuns.take()]).toEqual([true, undefined, undefined, true, undefined, undefined])
})

test('unread, a statement of knex takes no line, and a connection that is taken beside it keeps its own', async () => {
  await using database = await createDatabase()
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 3 } }) })
  const { knex } = engines.get('main')
  const statement = knex.raw('select pg_sleep(0.3)').then(() => 'slept')
  const taken = knex.client.acquireConnection()
  const transaction = knex.transaction(async trx => {
    await trx.raw('select 1')
    const report = engineReports().find(({ description }) => description.database === database.name)
    return report?.connections.map(({ holder }) => holder?.site?.label.replace(/:\d+$/, '') ?? null)
  })
  const here = 'server-lib/watch/builder-runs.test.ts'
  expect((await transaction)?.toSorted()).toEqual([null, here, here])
  expect(await statement).toBe('slept')
  await knex.client.releaseConnection(await taken)
})
