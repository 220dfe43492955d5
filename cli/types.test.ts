import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../server-lib/testing/database.ts'
import { expectBackends, expectQuiet } from '../server-lib/testing/ground-truth.ts'

const root = join(import.meta.dirname, '..')
const folder = join(root, '.cache', `cli-types-${process.pid}`)

let shop: TestDatabase
let books: TestDatabase
beforeAll(async () => {
  await mkdir(folder, { recursive: true })
  shop = await createDatabase(`
    create table orders (id bigint generated always as identity primary key, code text not null, details jsonb);
    create schema archive; create table archive.orders (id int)`)
  books = await createDatabase('create table lines (id int, at timestamptz)')
  await writeFile(
    join(folder, 'engines.mjs'),
    `import { createEngines, engine } from 'enginelight'
    export const engines = createEngines({
      writer: engine()({ connection: '${shop.url}' }),
      ledger: engine()({ connection: '${books.url}', mode: 'autocommit' }),
    })`,
  )
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  for (const database of [shop, books]) {
    await expectQuiet(database)
    await expectBackends(database, 0)
    await database.drop()
  }
})

const types = (...args: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>(resolve => {
    const all = [join(root, 'dist/cli/main.js'), 'types', '--engines', './engines.mjs', ...args]
    execFile(process.execPath, all, { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    )
  })
const file = (name: string) => readFile(join(folder, name), 'utf8')

test('types writes a file for each engine, and the same again; --check tells what differs', async () => {
  expect(await types('--out', 'types', '--check')).toMatchObject({ code: 1, stderr: '' })
  await expect(readdir(join(folder, 'types'))).rejects.toThrow('ENOENT')
  expect(await types('--out', 'types')).toEqual({
    code: 0,
    stdout:
      'types/writer.d.ts: written\n  there is no file yet\ntypes/ledger.d.ts: written\n  there is no file yet\n',
    stderr: '',
  })
  const first = await file('types/writer.d.ts')
  expect(first).toContain('export interface WriterTables {\n  orders: Knex.CompositeTableType<Orders, ')
  expect(await file('types/ledger.d.ts')).toContain('export interface LedgerTables {\n  lines: ')
  expect(await types('--out', 'types', '--check')).toEqual({
    code: 0,
    stdout: 'types/writer.d.ts: unchanged\ntypes/ledger.d.ts: unchanged\n',
    stderr: '',
  })
  await shop.admin('alter table orders add column note text')
  expect(await types('--out', 'types', '--check')).toEqual({
    code: 1,
    stdout: `types/writer.d.ts: stale
  + Orders: note: string | null
  + OrdersInsert: note?: string | null
  + OrdersUpdate: note?: string | null
types/ledger.d.ts: unchanged
The types are not those of the database: run enginelight types without --check.
`,
    stderr: '',
  })
  expect(await file('types/writer.d.ts')).toBe(first)
  await shop.admin('alter table orders drop column note')
  const again = await types('--out', 'types', '--json')
  expect(JSON.parse(again.stdout)).toMatchObject([
    { engine: 'writer', state: 'unchanged' },
    { engine: 'ledger' },
  ])
})

test('types takes engines, schemas, tables and a map of types', async () => {
  await writeFile(join(folder, 'map.json'), '{ "int8": "bigint", "orders.details": "{ a: number }" }')
  const some = ['--engine', 'writer', '--schema', 'public', '--schema', 'archive', '--only', 'orders']
  expect(await types('--out', 'some', ...some, '--type-map', 'map.json')).toMatchObject({ code: 0 })
  expect(await readdir(join(folder, 'some'))).toEqual(['writer.d.ts'])
  const text = await file('some/writer.d.ts')
  expect(text).toContain(`'archive.orders': `)
  expect(text).toContain('  id: bigint\n')
  expect(text).toContain('  details: { a: number } | null\n')
  await types('--out', 'all', '--engine', 'writer', '--schema', '*')
  expect(await file('all/writer.d.ts')).toContain(`'archive.orders': `)
})

test('a disk that is full in the middle of a file leaves the old one, and nothing beside it', async () => {
  await shop.admin(
    `create schema wide; ${Array.from({ length: 60 }, (_, index) => `create table wide.t${index} (a int, b text, c text, d text)`).join(';')}`,
  )
  const old = '// the old types, complete\n'
  await mkdir(join(folder, 'full'), { recursive: true })
  await writeFile(join(folder, 'full/writer.d.ts'), old)
  const command = [
    process.execPath,
    join(root, 'dist/cli/main.js'),
    'types',
    '--engines',
    './engines.mjs',
    '--engine',
    'writer',
    '--schema',
    'wide',
    '--out',
    'full',
  ]
  // A limit on the size of files, in blocks of 1024 bytes, is a disk that is full at that place.
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>(resolve =>
    execFile(
      'bash',
      ['-c', `trap '' XFSZ; ulimit -f 8; exec "$@"`, 'bash', ...command],
      { cwd: folder },
      (error, _, stderr) => resolve({ code: error?.code, stderr }),
    ),
  )
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('EFBIG') })
  expect(await file('full/writer.d.ts')).toBe(old)
  expect(await readdir(join(folder, 'full'))).toEqual(['writer.d.ts'])
  await shop.admin('drop schema wide cascade')
})

test('what is wrong with the command line is one sentence and exit code 2', async () => {
  await writeFile(join(folder, 'broken.json'), '{')
  await writeFile(join(folder, 'list.json'), '["bigint"]')
  await writeFile(join(folder, 'null.json'), 'null')
  const cases: [string[], RegExp][] = [
    [[], /--out is missing/],
    [['--out', 'x', '--engine', 'nope'], /no engine "nope"; there are writer, ledger/],
    [['--out', 'x', '--engine', 'writer', '--schema', 'nope'], /no schema "nope"/],
    [['--out', 'x', '--engine', 'writer', '--only', 'nope'], /no table or view "nope"/],
    [['--out', 'x', '--type-map', 'nope.json'], /nope\.json could not be read/],
    [['--out', 'x', '--type-map', 'broken.json'], /broken\.json could not be read/],
    [['--out', 'x', '--type-map', 'list.json'], /typeMap must be an object/],
    [['--out', 'x', '--type-map', 'null.json'], /typeMap must be an object/],
    [['--out', 'x', '--dry-run'], /--dry-run goes with recover alone/],
  ]
  const all = await Promise.all(cases.map(([args]) => types(...args)))
  for (const [index, [args, sentence]] of cases.entries()) {
    expect(all[index], args.join(' ')).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(sentence),
    })
    expect(all[index]?.stderr).toMatch(/^enginelight: [^\n]+\nSee enginelight --help.\n$/)
  }
})
