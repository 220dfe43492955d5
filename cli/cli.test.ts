import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Coordinator } from '../server-lib/testing/coordinator.ts'
import { createDatabase, type TestDatabase } from '../server-lib/testing/database.ts'
import { startFaultProxy } from '../server-lib/testing/fault-proxy.ts'
import { expectBackends, expectQuiet } from '../server-lib/testing/ground-truth.ts'

const root = join(import.meta.dirname, '..')
const main = join(root, 'dist/cli/main.js')
const folder = join(root, '.cache', `cli-${process.pid}`)

let shop: TestDatabase
let books: TestDatabase
beforeAll(async () => {
  await mkdir(folder, { recursive: true })
  shop = await createDatabase('create table t (id serial primary key, name text)')
  books = await createDatabase('create table t (id serial primary key, name text)')
  await module('engines.mjs', `export const engines = ${made()}`)
})
afterEach(async () => {
  for (const database of [shop, books]) {
    await expectQuiet(database)
    await expectBackends(database, 0)
  }
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await shop.drop()
  await books.drop()
})

const made = (writer = shop.url) => `createEngines({
    writer: engine()({ connection: '${writer}' }),
    ledger: engine()({ connection: '${books.url}' }),
  }, { application: 'recovery' })`
const module = async (name: string, source: string) => {
  await writeFile(join(folder, name), `import { createEngines, engine } from 'enginelight'\n${source}\n`)
  return join(folder, name)
}
interface Ended {
  code: number | string | null | undefined
  stdout: string
  stderr: string
}
const start = (...args: string[]) => {
  let tell: (ended: Ended) => void = () => {}
  const ended = new Promise<Ended>(resolve => (tell = resolve))
  const child = execFile(process.execPath, [main, ...args], { cwd: folder }, (error, stdout, stderr) =>
    tell({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr }),
  )
  return { child, ended }
}
const enginelight = (...args: string[]) => start(...args).ended
const recover = (...args: string[]) =>
  enginelight('recover', '--engines', './engines.mjs', '--older-than', '0ms', ...args)

test('install creates the tables, and says of each engine what its server allows', async () => {
  const first = await enginelight('install', '--engines', 'engines.mjs')
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toBe(
    `engine  tables     two-phase  to mind\nwriter  installed  yes\nledger  installed  yes\n`,
  )
  const again = await enginelight('install', '--engines', join(folder, 'engines.mjs'), '--json')
  expect(JSON.parse(again.stdout)).toEqual(
    ['writer', 'ledger'].map(engine => ({ engine, installed: true, twoPhase: true, reasons: [] })),
  )
})

test('recover shows what it did; 1 while something is left, 0 afterwards', async () => {
  expect(await recover()).toEqual({ code: 0, stdout: 'Nothing is left prepared.\n', stderr: '' })
  const decided = await (await Coordinator.between(books, shop)).toPrepared()
  await decided.commit()
  await decided.die()
  const open = await (await Coordinator.between(books, shop)).toPrepared()

  const young = await enginelight('recover', '--engines', 'engines.mjs', '--json')
  expect(young.code).toBe(1)
  expect(JSON.parse(young.stdout)).toMatchObject({
    dryRun: false,
    isClear: false,
    prepared: [{ outcome: 'young' }, { outcome: 'young' }],
  })
  const foreseen = await recover('--dry-run')
  expect(foreseen.code).toBe(1)
  expect(foreseen.stdout).toMatch(
    new RegExp(
      `^outcome +engine +age +prepared transaction\nto be committed +writer +\\d+ m?s +${decided.gid}\nin doubt `,
    ),
  )
  const left = await recover()
  expect(left.code).toBe(1)
  expect(left.stdout).toContain(`${open.gid}: its coordinator still holds the decision open`)
  expect(left.stdout).toMatch(/committed +writer[^]*Something is left.\n$/)
  await open.die()
  const done = await recover()
  expect(done.code).toBe(0)
  expect(done.stdout).toMatch(
    new RegExp(`rolled back +writer +\\d+ m?s +${open.gid}\nNothing is left prepared.\n$`),
  )
  expect((await recover('--keep-decisions', '0ms')).stdout).toContain('1 old decisions deleted.')
  for (const { admin } of [shop, books]) {
    expect(await admin('select name from t')).toEqual([{ name: decided.transaction }])
  }
})

test('R32 a recoverer that is killed between the fence and ROLLBACK PREPARED leaves it to the next', async () => {
  const proxy = await startFaultProxy(shop.url)
  await module('proxied.mjs', `export default () => ${made(proxy.url)}`)
  const undecided = await (await Coordinator.between(books, shop)).toPrepared()
  await undecided.die()
  const strike = proxy.once('ROLLBACK PREPARED', 'black hole')
  const { child, ended } = start('recover', '--engines', 'proxied.mjs', '--older-than', '0ms')
  await strike.hit
  child.kill('SIGKILL')
  expect((await ended).code).toBe('SIGKILL')
  await proxy.stop()
  expect(await shop.admin('select gid from pg_prepared_xacts where database = current_database()')).toEqual([
    { gid: undecided.gid },
  ])
  expect((await recover()).stdout).toMatch(/^outcome[^]*rolled back/)
})

test('a database that is away is told, without its password', async () => {
  await module('away.mjs', `export const engines = ${made('postgres://x:secret@127.0.0.1:1/none')}`)
  const { code, stdout, stderr } = await enginelight('recover', '--engines', 'away.mjs')
  expect(code).toBe(1)
  expect(stdout).toMatch(/^engine "writer" could not be looked at: .*\nSomething is left.\n$/)
  expect(stdout + stderr).not.toContain('secret')
})

test('a module may export by default, a function, or a promise, and go on running', async () => {
  for (const source of [
    `export default ${made()}`,
    `export const engines = async () => ${made()}`,
    `export default { engines: ${made()} }\nsetInterval(() => {}, 1000)`,
  ]) {
    await module('other.mjs', source)
    expect((await enginelight('recover', '--engines', 'other.mjs')).code, source).toBe(0)
  }
})

test('what is wrong with the command line or the module is one sentence and exit code 2', async () => {
  await module('empty.mjs', 'export const nothing = 1')
  await module('wrong.mjs', 'export const engines = { recovery: 1 }')
  await module('throws.mjs', `throw new Error('no postgres://me:secret@host/x')`)
  await module('never.mjs', 'await new Promise(() => {})')
  await module('never-made.mjs', 'export const engines = () => new Promise(() => {})')
  await module(
    'fake.mjs',
    'export const engines = { open() {}, install() { return [] }, recovery() {}, close() {} }',
  )
  await module('typed.ts', 'enum E { A }\nexport const engines = E.A as unknown')
  const cases: [string[], RegExp][] = [
    [['recover', '--engines', 'never.mjs'], /never\.mjs never finished loading/],
    [['recover', '--engines', 'never-made.mjs'], /never-made\.mjs never finished loading/],
    [['install', '--engines', 'fake.mjs'], /is not made by createEngines/],
    [
      ['install', '--engines', 'typed.ts'],
      /typed\.ts is TypeScript, which Node [\d.]+ does not load: give the compiled file/,
    ],
    [[], /There is no command\./],
    [['repair'], /There is no command repair\./],
    [['recover'], /--engines is missing/],
    [['recover', '--engines'], /--engines <value>' argument missing/],
    [['recover', 'all', '--engines', 'engines.mjs'], /all is too much/],
    [['recover', '--engines', 'none.js'], /There is no file .*none\.js/],
    [['recover', '--engines', 'empty.mjs'], /empty\.mjs exports no engines/],
    [['recover', '--engines', 'wrong.mjs'], /is not made by createEngines/],
    [['recover', '--engines', 'throws.mjs'], /could not be loaded: no postgres:\/\/•••@host\/x/],
    [['recover', '--engines', 'engines.mjs', '--force'], /Unknown option '--force'/],
    [['recover', '--engines', 'engines.mjs', '--older-than', '60'], /--older-than 60 is no time/],
    [['install', '--engines', 'engines.mjs', '--dry-run'], /--dry-run goes with recover alone/],
  ]
  const all = await Promise.all(cases.map(([args]) => enginelight(...args)))
  for (const [index, [args, sentence]] of cases.entries()) {
    expect(all[index], args.join(' ')).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(sentence),
    })
    expect(all[index]?.stderr).toMatch(/^enginelight: [^\n]+\nSee enginelight --help.\n$/)
  }
  const left = await new Promise<string>(resolve => {
    execFile('sh', ['-c', `"${process.execPath}" "${main}" --help | true`], (_error, _out, told) =>
      resolve(told),
    )
  })
  expect(left).toBe('')
  const help = await enginelight('--help')
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toContain('--older-than')
})
