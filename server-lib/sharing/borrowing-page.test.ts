import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends } from '../testing/ground-truth.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let database: TestDatabase
let folder: string
let file: string

beforeAll(async () => {
  database = await createDatabase(`
    create table orders (id serial primary key, item text);
    create table audit (id serial primary key, what text);
  `)
  folder = await mkdtemp(join(tmpdir(), 'enginelight-page-'))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const page = await readFile(join(ROOT, 'docs/borrowing.md'), 'utf8')
  const [, code] = /## Borrowing[^]*?```ts\n([^]*?)```/.exec(page) ?? []
  file = join(folder, 'place-order.ts')
  const here = (code ?? '')
    .replaceAll("'enginelight/sharing/typeorm'", `'${ROOT}server-lib/sharing/hosts/typeorm.ts'`)
    .replaceAll("'enginelight/sharing'", `'${ROOT}server-lib/sharing/index.ts'`)
    .replaceAll("'enginelight'", `'${ROOT}server-lib/index.ts'`)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(file, here)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
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
  const options =
    '--noEmit --pretty false --strict --module nodenext --target esnext --types node --skipLibCheck --allowImportingTsExtensions'
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const run = promisify(execFile)(process.execPath, [tsc, ...options.split(' '), file], { cwd: folder })
  const said = await run.then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  )
  expect(said).toBe('')
})
