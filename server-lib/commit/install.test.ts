import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { startPostgres } from '../testing/postgres.ts'
import { INSTALL_SQL } from '../postgres/two-phase/install-sql.ts'

let database: TestDatabase
beforeEach(async () => void (database = await createDatabase()))
afterEach(async () => {
  await expectQuiet(database)
  await database.drop()
})
const role = `install_${process.pid}`
beforeAll(async () => {
  await using server = await createDatabase()
  await server.admin(`create role ${role} login password 'secret'`)
})
afterAll(async () => {
  await using server = await createDatabase()
  await server.admin(`drop role ${role}`)
})

const asRole = (url: string) => {
  const own = new URL(url)
  own.username = role
  own.password = 'secret'
  return own.href
}
const open = (connection = database.url, max = 2) =>
  createEngines({
    writer: engine()({ connection, pool: { max } }),
    reader: engine()({ connection, access: 'read', pool: { max } }),
    logger: engine()({ connection, mode: 'autocommit', enlist: 'independent', pool: { max } }),
  })
const tables = () =>
  database.admin(`select table_name, string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position) as columns
    from information_schema.columns where table_name like 'enginelight%' group by 1 order by 1`)

test('it creates both tables with one location, and again changes nothing', async () => {
  await using engines = open()
  const whole = [{ engine: 'writer', installed: true, twoPhase: true, reasons: [] }]
  expect(await engines.install()).toEqual(whole)
  const before = await database.admin('select * from enginelight_location')
  expect(before).toEqual([{ only: true, id: expect.stringMatching(/^[0-9a-f-]{36}$/) }])
  expect(await engines.install()).toEqual(whole)
  expect(await database.admin('select * from enginelight_location')).toEqual(before)
  expect(await tables()).toEqual([
    {
      table_name: 'enginelight_decision',
      columns:
        'transaction uuid, outcome text, application text, participants jsonb, decided_at timestamp with time zone',
    },
    { table_name: 'enginelight_location', columns: 'only boolean, id uuid' },
  ])
})

test('twenty processes may install at once', async () => {
  const clients = Array.from({ length: 20 }, () => new pg.Client(database.url))
  await Promise.all(clients.map(client => client.connect()))
  await Promise.all(clients.map(client => client.query(INSTALL_SQL)))
  await Promise.all(clients.map(client => client.end()))
  expect(await database.admin('select count(*)::int as n from enginelight_location')).toEqual([{ n: 1 }])
})

test('install.sql is what install() sends', async () => {
  const file = await readFile(new URL('../postgres/two-phase/install.sql', import.meta.url), 'utf8')
  const statements = file
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('--'))
    .join('\n')
  expect(`${statements}\n`).toBe(INSTALL_SQL)
})

test('a role that may create nothing is told so, and installs nothing over what is there', async () => {
  await database.admin(`revoke create on schema public from public`)
  await using engines = open(asRole(database.url))
  expect(await engines.install()).toEqual([
    {
      engine: 'writer',
      installed: false,
      twoPhase: false,
      reasons: [
        expect.stringMatching(
          /could not be created \(42501, insufficient_privilege .*\): have install.sql run/,
        ),
      ],
    },
  ])
  await database.admin(INSTALL_SQL)
  expect(await engines.install()).toMatchObject([
    { installed: false, twoPhase: false, reasons: [expect.stringMatching(/lacks a right: SELECT, INSERT/)] },
  ])
  await database.admin(`grant select, insert on enginelight_decision to ${role}`)
  await database.admin(`grant select on enginelight_location to ${role}`)
  expect(await engines.install()).toMatchObject([{ installed: false }])
  await database.admin(`grant delete on enginelight_decision to ${role}`)
  expect(await engines.install()).toEqual([
    { engine: 'writer', installed: true, twoPhase: true, reasons: [] },
  ])
})

test('a server that cannot prepare, or not as many as the pool has connections, is told', async () => {
  const postgres = await startPostgres({ settings: { max_prepared_transactions: 0 } })
  const engines = open(postgres.url)
  expect(await engines.install()).toEqual([
    {
      engine: 'writer',
      installed: true,
      twoPhase: false,
      reasons: [expect.stringMatching(/^max_prepared_transactions is 0/)],
    },
  ])
  await engines.close()
  await postgres.stop()
  await using wide = open(database.url, 80)
  expect(await wide.install()).toMatchObject([
    {
      twoPhase: true,
      reasons: [
        expect.stringMatching(/^max_prepared_transactions is \d+, less than the 80 connections of its pool$/),
      ],
    },
  ])
})

test('a server that is away is a report, and no rejection', async () => {
  await using engines = open('postgres://nobody:secret@127.0.0.1:1/none')
  const [report] = await engines.install()
  expect(report).toMatchObject({ engine: 'writer', installed: false, twoPhase: false })
  expect(report?.reasons.join()).toMatch(/could not be looked at/)
  expect(JSON.stringify(report)).not.toContain('secret')
})
