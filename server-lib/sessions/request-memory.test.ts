import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('a request that is over is let go, though the pool started its timers in it', async () => {
  const engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  const work = async () => {
    const request = { body: 'large' }
    await engines.scope(db => db.main.query('select 1'), { request })
    return new WeakRef(request)
  }
  const first = await work()
  await expect
    .poll(() => {
      collectGarbage()
      // Not the object itself: the assertion would hold on to it.
      return first.deref() === undefined
    })
    .toBe(true)
  await engines.close()
})
