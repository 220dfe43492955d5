import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'

let database: TestDatabase
beforeAll(async () => void (database = await createDatabase('create table t (name text)')))
afterAll(async () => {
  await expectQuiet(database)
  await expectBackends(database, 0)
  await database.drop()
})

const WAYS = [
  (value: unknown) => inspect(value, { breakLength: Infinity }),
  (value: unknown) =>
    inspect(value, { depth: null, showHidden: true, getters: true, breakLength: Infinity, showProxy: true }),
]

test('a container, a session, an engine and a set of them show how they stand, and no value and no password', async () => {
  const url = new URL(database.url)
  const password = url.password || 'hunter2'
  if (!url.password) url.password = password
  await using engines = createEngines({
    writer: engine()({ connection: url.href, pool: { max: 3 } }),
    reader: engine()({ connection: url.href, access: 'read' }),
  })
  const db = engines.open({ label: 'POST /orders' })
  const said = (value: unknown) => {
    const all = [...WAYS.map(way => way(value)), JSON.stringify(value) ?? '']
    for (const text of all) {
      // The name of the database is no password, though it begins like this one.
      expect(text.replaceAll(/['"]postgresql['"]/g, '')).not.toContain(password)
      expect(text).not.toContain('a secret value')
    }
    return all[0]
  }
  const owner = `'POST /orders (${db.info.requestId})'`
  expect(said(db)).toBe(`Db { request: ${owner}, writer: 'initialized', reader: 'initialized' }`)
  expect(said(db.writer)).toBe(`Session { engine: 'writer', state: 'idle', request: ${owner} }`)
  await db.writer('t').insert({ name: 'a secret value' })
  const { connection, backendPid } = db.writer.identity as { connection: string; backendPid: number }
  const line = 'server-lib/containers/inspected\\.test\\.ts:\\d+'
  expect(said(db.writer)).toMatch(
    new RegExp(
      `^Session \\{ engine: 'writer', state: 'active', request: .*, connection: '${connection}', backendPid: ${backendPid}, since: '${line}' \\}$`,
    ),
  )
  expect(said(db)).toMatch(
    new RegExp(
      `^Db \\{ request: .*, writer: 'started, active on ${connection} \\(pid ${backendPid}\\) since ${line}', reader: 'initialized' \\}$`,
    ),
  )
  // Inspecting starts no session.
  expect(db.status.reader).toBe('initialized')
  expect(said(engines)).toBe(
    "Engines { writer: 'writer#1, transaction, write: 1 of 3 connections held, 0 waiting', reader: 'reader#1, transaction, read: 0 of 10 connections held, 0 waiting' }",
  )
  expect(said(engines.get('writer'))).toMatch(/^Engine \{ engine: 'writer', pool: 'writer#1'/)
  expect(said(Object.getPrototypeOf(db.writer))).toBe('Session {}')
  expect(JSON.parse(JSON.stringify({ db, session: db.writer }))).toMatchObject({
    db: { reader: 'initialized' },
    session: { engine: 'writer', connection },
  })
  db.doom()
  expect(said(db)).toContain("state: 'doomed'")
  await db.end()
  expect(said(db)).toContain("state: 'ended', writer: 'ended', reader: 'initialized'")
  expect(said(db.writer)).toContain("state: 'ended'")
  await engines.close()
  expect(said(engines)).toContain('writer#1, transaction, write: closed')
})
