import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { generatePrisma } from '../../testing/prisma-client.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const HOSTS = ['Objection and knex', 'MikroORM', 'Prisma 7', 'postgres.js']

let database: TestDatabase
let made: Awaited<ReturnType<typeof generatePrisma>>
const fileOf = (host: string) => join(made.folder, `${host.toLowerCase().replace(/\W/g, '-')}.ts`)

beforeAll(async () => {
  database = await createDatabase('create table notes (id serial primary key, body text)')
  process.env.DATABASE_URL = database.url
  made = await generatePrisma(`
    model Note {
      id   Int    @id @default(autoincrement())
      body String
      @@map("notes")
    }
  `)
  await writeFile(join(made.folder, 'package.json'), '{ "type": "module" }')
  const page = await readFile(join(ROOT, 'docs/borrowing-hosts-2.md'), 'utf8')
  for (const host of HOSTS) {
    const [, code = ''] = new RegExp(`^## ${host}$[^]*?\`\`\`ts\n([^]*?)\`\`\``, 'm').exec(page) ?? []
    const here = code
      .replace(/'enginelight\/sharing\/([\w-]+)'/, `'${ROOT}server-lib/sharing/hosts/$1.ts'`)
      .replace("'enginelight/sharing'", `'${ROOT}server-lib/sharing/index.ts'`)
    await writeFile(fileOf(host), here)
  }
})
afterAll(async () => {
  delete process.env.DATABASE_URL
  await made.remove()
  await database.drop()
})

test.each(HOSTS)('%s: the program of the page writes both', async host => {
  await database.admin('truncate notes')
  const [run] = Object.values(
    (await import(pathToFileURL(fileOf(host)).href)) as Record<string, () => Promise<unknown>>,
  )
  await run!()
  const written = (await database.admin<{ body: string }>('select body from notes order by id')).map(
    row => row.body,
  )
  expect(written).toEqual([expect.stringMatching(/^of (Objection|MikroORM|Prisma|postgres\.js)$/), 'of ours'])
})

test('and all of them compile', async () => {
  const options =
    '--noEmit --pretty false --strict --module nodenext --target esnext --types node --skipLibCheck --allowImportingTsExtensions'
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [tsc, ...options.split(' '), ...HOSTS.map(fileOf)], {
    cwd: made.folder,
  })
})
