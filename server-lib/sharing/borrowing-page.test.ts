import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends } from '../testing/ground-truth.ts'
import { codeBlocks, compile, onSources, pageFolder, pageText } from '../testing/page.ts'

let database: TestDatabase
let folder: Awaited<ReturnType<typeof pageFolder>>
let file: string

beforeAll(async () => {
  database = await createDatabase(`
    create table orders (id serial primary key, item text);
    create table audit (id serial primary key, what text);
  `)
  folder = await pageFolder()
  const page = await pageText('borrowing.md')
  const [code = ''] = codeBlocks(page.slice(page.indexOf('## Borrowing')))
  file = join(folder.path, 'place-order.ts')
  await writeFile(file, onSources(code))
})
afterAll(async () => {
  await folder.remove()
  await database.drop()
})

test('the program of the page does what it says', async () => {
  process.env.DATABASE_URL = database.url
  const { placeOrder, engines, close } = (await import(pathToFileURL(file).href)) as {
    placeOrder(item: string): Promise<void>
    engines: { close(): Promise<unknown> }
    close(): Promise<void>
  }
  await placeOrder('pens')
  expect(await database.admin('select item, what from orders, audit')).toEqual([
    { item: 'pens', what: 'order 1' },
  ])
  await engines.close()
  await close()
  delete process.env.DATABASE_URL
  await expectBackends(database, 0)
})

test('and compiles', async () => {
  expect(await compile([file], folder.path)).toBe('')
})
