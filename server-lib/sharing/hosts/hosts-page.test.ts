import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { expectBackends } from '../../testing/ground-truth.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const HOSTS = ['pg', 'TypeORM', 'Sequelize', 'Drizzle', 'Kysely']

let database: TestDatabase
let folder: string
const fileOf = (host: string) => join(folder, `${host.toLowerCase()}.ts`)

beforeAll(async () => {
  database = await createDatabase(`
    create table orders (id serial primary key, item text not null);
    create table audit (id serial primary key, what text unique);
  `)
  process.env.DATABASE_URL = database.url
  folder = await mkdtemp(join(tmpdir(), 'enginelight-page-'))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  const page = await readFile(join(ROOT, 'docs/borrowing-hosts.md'), 'utf8')
  for (const host of HOSTS) {
    const [, code = ''] = new RegExp(`^## ${host}$[^]*?\`\`\`ts\n([^]*?)\`\`\``, 'm').exec(page) ?? []
    const here = code
      .replace(/'enginelight\/sharing\/(\w+)'/, `'${ROOT}server-lib/sharing/hosts/$1.ts'`)
      .replace("'enginelight/sharing'", `'${ROOT}server-lib/sharing/index.ts'`)
    await writeFile(fileOf(host), here)
  }
})
afterAll(async () => {
  delete process.env.DATABASE_URL
  await rm(folder, { recursive: true, force: true })
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
  const options =
    '--noEmit --pretty false --strict --module nodenext --target esnext --types node --skipLibCheck --allowImportingTsExtensions'
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const args = [tsc, ...options.split(' '), ...HOSTS.map(fileOf)]
  const run = promisify(execFile)(process.execPath, args, { cwd: folder })
  const said = await run.then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  )
  expect(said).toBe('')
})
