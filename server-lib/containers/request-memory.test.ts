import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { runScript } from '../testing/child.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase()))
afterAll(() => database.drop())

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('a request that is over is let go, though the pool started its timers in it', async () => {
  await using engines = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  const work = async () => {
    const request = { body: 'large' }
    await engines.scope(db => db.main.query('select 1'), { request })
    return new WeakRef(request)
  }
  const first = await work()
  await expect
    .poll(() => {
      collectGarbage()
      // Not the object itself, because the assertion would keep it alive.
      return first.deref() === undefined
    })
    .toBe(true)
})

for (const heard of ['unheard', 'heard']) {
  const name = `what a unit of work leaves behind does not survive a small collection, ${heard}`
  test(name, { timeout: 60_000 }, async () => {
    const child = await runScript(UNITS, { URL: database.url, HEARD: heard })
    expect(await child.ended, child.output()).toBe(0)
    const promoted = [...child.output().matchAll(/ gc=s .* promoted=(\d+)/g)].map(([, bytes]) =>
      Number(bytes),
    )
    expect(promoted.length).toBeGreaterThan(15)
    // Of some 13 MB, allocated by four hundred units. It was 490 kB while every session looked alive.
    const settled = promoted.slice(-10).toSorted((a, b) => a - b)
    expect(settled[5]).toBeLessThan(100_000)
  })
}

const UNITS = `
import { setFlagsFromString } from 'node:v8'
import { createEngines, engine } from 'enginelight'
import { channels, observe } from 'enginelight/channels'
if (process.env.HEARD === 'heard') for (const { name } of Object.values(channels)) observe(name, () => {})
const engines = createEngines({ main: engine()({ connection: process.env.URL, pool: { max: 8 } }) })
setFlagsFromString('--trace-gc-nvp')
let left = 12_000
const work = async () => {
  while (left-- > 0) await engines.scope(async db => {
    await db.main.query('select $1::int', [1])
    await db.main.commit()
  })
}
await Promise.all(Array.from({ length: 8 }, work))
await engines.close()
`
