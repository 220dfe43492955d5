import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, '.cache', `runners-${process.pid}`)

/** A suite as a user writes it, on the package as it is published. Only the third and the fourth test are to fail. */
const suite = (hooks: string) => `
${hooks}
import { createEngines, engine } from 'enginelight'
import { expectNoFindings, expectStatements } from 'enginelight/findings'
const engines = createEngines({ writer: engine()({ connection: process.env.DB_URL }) })
const read = () => engines.run(db => db.writer('orders').select('*'))
let left
after(async () => {
  await left?.rollback()
  await engines.close()
})
afterEach(expectNoFindings)
test('first', read)
test('counted', () => expectStatements(read, 1))
test('leaks', async () => void (left = await engines.get().knex.transaction()))
test('miscounted', () => expectStatements(read, 2))
test('last', read)
`

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase('create table orders (id int)')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'vitest.config.mjs'), `export default { test: { include: ['vitest.mjs'] } }`)
  await writeFile(join(folder, 'node.mjs'), suite(`import { after, afterEach, test } from 'node:test'`))
  await writeFile(
    join(folder, 'vitest.mjs'),
    suite(`import { afterAll as after, afterEach, test } from 'vitest'`),
  )
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

const run = (...args: string[]) =>
  new Promise<string>(resolve => {
    // A runner that is started by another one reports to that one.
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env
    const env = { ...environment, DB_URL: database.url, NO_COLOR: '1', FORCE_COLOR: '0' }
    execFile(process.execPath, args, { cwd: folder, env }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })

test.each([
  ['node:test', ['--test', '--test-reporter=tap', 'node.mjs'], /^not ok \d+ - (\w+)/gm],
  ['vitest', [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder], /^ FAIL .*> (\w+)$/gm],
])('%s fails the tests that leak and miscount, with the line, and no other', async (_, args, failing) => {
  const said = await run(...args)
  expect(
    [...said.matchAll(failing)].map(([, name]) => name),
    said,
  ).toEqual(['leaks', 'miscounted'])
  expect(said).toMatch(
    /The test has ended, and work outside of any request still holds a connection of writer, taken at .*mjs:\d+/,
  )
  expect(said).toMatch(
    /1 statement was sent, and 2 were expected:\n +1\. select \* from "orders"\n +at .*mjs:\d+/,
  )
})
