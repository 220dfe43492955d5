import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Session } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { codeBlocks, compile, onSources, pageText } from '../testing/page.ts'
import { generatePrisma } from '../testing/prisma-client.ts'

interface Made {
  scope(fn: () => unknown): Promise<unknown>
  run(fn: (db: { writer: Pick<Session, 'query'> }) => Promise<unknown>): Promise<unknown>
  close(): Promise<unknown>
}

let database: TestDatabase
let prisma: Awaited<ReturnType<typeof generatePrisma>>
let engines: Made
let files: string[]

/** The page's blocks as modules of an application: one file each, beside the one that makes the engines. */
beforeAll(async () => {
  database = await createDatabase(`
    create table orders (id serial primary key, item text);
    create table audit (id serial primary key, what text);
  `)
  prisma = await generatePrisma(`
    model Order {
      id   Int     @id @default(autoincrement())
      item String?
      @@map("orders")
    }`)
  const page = await pageText('borrowing.md')
  const section = page.slice(page.indexOf('## Lending'))
  const blocks = codeBlocks(section.slice(0, endOf(section)))
  const write = async (name: string, code: string) => {
    const file = join(prisma.folder, name)
    await writeFile(file, onSources(code))
    return file
  }
  await write('package.json', '{ "type": "module" }')
  files = await Promise.all(blocks.map((block, at) => write(`block${at}.ts`, block)))
  const made = await write(
    'engines.ts',
    `import { createEngines, engine } from 'enginelight'
     interface Tables { audit: { id: number; what: string } }
     const connection = '${database.url}'
     export const engines = createEngines({ writer: engine<Tables>()({ connection, pool: { max: 1 } }) })`,
  )
  ;({ engines } = (await import(pathToFileURL(made).href)) as { engines: typeof engines })
})
afterAll(async () => {
  await engines.close()
  await expectQuiet(database)
  await expectBackends(database, 0)
  await database.drop()
  await prisma.remove()
})

function endOf(section: string): number {
  const next = section.indexOf('\n## ', 1)
  return next < 0 ? section.length : next
}

test('every library of the page writes in the session, and the session decides', async () => {
  expect(files).toHaveLength(7)
  const orders = async () =>
    (await database.admin('select item from orders order by id')).map(row => row.item)
  for (const [at, file] of files.entries()) {
    const { placeOrder } = (await import(pathToFileURL(file).href)) as {
      placeOrder(item: string): Promise<void>
    }
    await engines.scope(() => placeOrder('undone'))
    await engines.run(async db => {
      await placeOrder(`kept ${at}`)
      expect((await db.writer.query('select item from orders')).rows).toContainEqual({ item: `kept ${at}` })
      expect(await orders()).not.toContain(`kept ${at}`)
    })
  }
  expect(await orders()).toEqual(files.map((_, at) => `kept ${at}`))
  expect(await database.admin('select what from audit')).toEqual([{ what: 'kept 0' }])
})

test('every block of it compiles', async () => {
  expect(await compile(files, prisma.folder)).toBe('')
})
