import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { expectBackends } from '../../testing/ground-truth.ts'
import { codeBlocks, compile, onSources, pageFolder, pageText } from '../../testing/page.ts'

const HOSTS = ['pg', 'TypeORM', 'Sequelize', 'Drizzle', 'Kysely']

let database: TestDatabase
let folder: Awaited<ReturnType<typeof pageFolder>>
const fileOf = (host: string) => join(folder.path, `${host.toLowerCase()}.ts`)

beforeAll(async () => {
  database = await createDatabase(`
    create table orders (id serial primary key, item text not null);
    create table audit (id serial primary key, what text unique);
  `)
  process.env.DATABASE_URL = database.url
  folder = await pageFolder()
  const page = await pageText('borrowing-hosts.md')
  for (const host of HOSTS) {
    const [code = ''] = codeBlocks(page.slice(page.indexOf(`\n## ${host}\n`)))
    await writeFile(fileOf(host), onSources(code))
  }
})
afterAll(async () => {
  delete process.env.DATABASE_URL
  await folder.remove()
  await database.drop()
})

test.each(HOSTS)('%s: the program of the page writes both or neither', async host => {
  await database.admin('truncate orders, audit')
  const { placeOrder, close } = (await import(pathToFileURL(fileOf(host)).href)) as {
    placeOrder(item: string): Promise<void>
    close(): Promise<void>
  }
  await placeOrder('pens')
  await expect(placeOrder('pens')).rejects.toMatchObject({ code: '23505' })
  expect(await database.admin('select item, what from orders full join audit on item = what')).toEqual([
    { item: 'pens', what: 'pens' },
  ])
  await close()
  await expectBackends(database, 0)
})

test('and all of them compile', async () => {
  expect(await compile(HOSTS.map(fileOf), folder.path)).toBe('')
})
