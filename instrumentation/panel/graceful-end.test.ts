import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { runScript } from '../../server-lib/testing/child.ts'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'
import { expectBackends, expectQuiet } from '../../server-lib/testing/ground-truth.ts'
import { Page } from './testing/page.ts'

/** The application for the README's shutdown recipe, with everything that has kept an application from ending. */
const APP = `
import express from 'express'
import { createEngines, engine } from 'enginelight'
import { sessions } from 'enginelight/express'
import { panel } from 'enginelight/panel'

const engines = createEngines({ main: engine()({ connection: process.env.DATABASE_URL, pool: { max: 8 } }) })
const app = express()
app.use(sessions(engines))
app.post('/rows', async (req, res) => {
  await req.db.main('t').insert({ name: 'row' })
  await req.db.main.query('select pg_sleep(0.02)')
  await req.db.main.commit()
  res.sendStatus(201)
})
app.get('/hang', req => req.db.main.query('select pg_sleep(600)'))
app.get('/forget', async (_req, res) => {
  await engines.open({ label: 'forgotten' }).main('t').insert({ name: 'never' })
  res.end()
})
app.get('/plain', (_req, res) => void setTimeout(() => res.sendStatus(200), 400))
app.get('/transaction', async (_req, res) => {
  const trx = await engines.get().knex.transaction()
  await trx('t').insert({ name: 'never' })
  res.end()
})
const server = app.listen(0, '127.0.0.1')
server.on('upgrade', (_req, socket) => {
  if (socket) throw new Error('no upgrade')
})
process.on('uncaughtException', error => {
  if (error.message !== 'no upgrade') process.exit(9)
})
const mounted = await panel({ engines, enabled: true }).attach(server)
`
/** The time that the recipe gives to requests and then to engines, shorter here. */
const GRACE_MS = 1_000
const ENGINES_GRACE_MS = 1_000

let database: TestDatabase
let recipe: string

beforeAll(async () => {
  database = await createDatabase('create table t (id serial primary key, name text)')
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const code = [...readme.matchAll(/```js\n([^]*?)```/g)].map(([, block = '']) => block)
  recipe = code.find(block => block.includes('async function stop()')) ?? ''
  expect(recipe).toContain('5_000')
  expect(recipe).toContain('2_000')
  recipe = recipe.replace('5_000', String(GRACE_MS)).replace('2_000', String(ENGINES_GRACE_MS))
})
afterEach(async () => {
  await expectQuiet(database)
  await expectBackends(database, 0)
})
afterAll(() => database.drop())

interface App {
  readonly process: ChildProcess
  readonly port: number
  /** The panel's, with its token. */
  readonly panel: URL
  output(): string
  /** How it ended, and how long after the call. */
  ended(): Promise<{ code: number | string | null; ms: number }>
}

async function start(source: string): Promise<App> {
  const child = await runScript(source, { DATABASE_URL: database.url })
  await expect.poll(child.output, { timeout: 10_000 }).toMatch(/^up .*\n/m)
  const panel = new URL(/^up (.*)$/m.exec(child.output())?.[1] ?? 'http://none')
  return {
    ...child,
    port: Number(panel.port),
    panel,
    async ended() {
      const askedAt = performance.now()
      const code = await child.ended
      return { code, ms: performance.now() - askedAt }
    },
  }
}

const startApp = () => start(`${APP}${recipe}\nconsole.log('up', mounted.url)\n`)

async function open(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(text.replaceAll('\n', '\r\n'))
  return socket
}

async function abandoned() {
  const [row] = await database.admin<{ sessions_abandoned: string }>(
    'select sessions_abandoned from pg_stat_database where datname = current_database()',
  )
  return Number(row?.sessions_abandoned)
}

/** Writes one row after the other until the server is gone; counts the acknowledged ones. */
async function keepWriting({ port }: App, seen: { acknowledged: number; refused: number }): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/rows`, { method: 'POST' }).catch(() => undefined)
    if (!response) return void seen.refused++
    if (response.status === 201) seen.acknowledged++
  }
}

test('R40 SIGTERM under load: what runs finishes, what hangs is named and ended, the process ends with 0', async () => {
  const before = await abandoned()
  const app = await startApp()
  const seen = { acknowledged: 0, refused: 0 }
  const writers = Array.from({ length: 3 }, () => keepWriting(app, seen))
  const url = `http://127.0.0.1:${app.port}`
  await fetch(`${url}/forget`)
  await fetch(`${url}/transaction`)
  const hung = fetch(`${url}/hang`).then(
    ({ status }) => status,
    () => 'cut',
  )
  const idle = await open(app.port, 'GET /ready HTTP/1.1\nHost: x\n\n')
  expect(String(await once(idle, 'data'))).toContain('200 OK')
  const upgraded = await open(
    app.port,
    'GET /x HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\n\n',
  )
  const page = await Page.open(app.panel.href)
  await expect.poll(() => seen.acknowledged).toBeGreaterThan(10)

  app.process.kill('SIGTERM')
  const end = await app.ended()
  expect(end).toMatchObject({ code: 0 })
  expect(end.ms).toBeLessThan(GRACE_MS + ENGINES_GRACE_MS + 1_000)
  expect(await page.closed).toMatchObject({ code: 1001 })
  // It ended early enough to be answered.
  expect(await hung).toBe(500)
  await Promise.all(writers)
  expect(await database.admin('select count(*)::int from t')).toEqual([{ count: seen.acknowledged }])
  expect(await database.admin(`select from t where name <> 'row'`)).toEqual([])
  const told = app.output()
  expect(told).toMatch(
    /GET \/hang \(u\d+\) was ended before it was done: main held by .* executing .* since .*\.mjs:\d+/,
  )
  expect(told).toMatch(/forgotten \(u\d+\) was ended .* idle in transaction .*\.mjs:\d+/)
  expect(told).toMatch(/A connection of engine "main" was cut .* idle in transaction .*\.mjs:\d+/)
  await expectBackends(database, 0)
  expect(await abandoned()).toBe(before)
  idle.destroy()
  upgraded.destroy()
  await database.admin('truncate t')
})

test('R40 a quiet application ends as soon as its last request, whoever keeps a connection to it', async () => {
  const app = await startApp()
  const idle = await open(app.port, 'GET /ready HTTP/1.1\nHost: x\n\n')
  await once(idle, 'data')
  await Page.open(app.panel.href)
  // A request without a session, so that closing the engines does not wait for it.
  const plain = fetch(`http://127.0.0.1:${app.port}/plain`).then(({ status }) => status)
  await sleep(50)
  app.process.kill('SIGTERM')
  const end = await app.ended()
  expect(end).toMatchObject({ code: 0 })
  expect(await plain).toBe(200)
  expect(end.ms).toBeLessThan(900)
})

test('R40 while it ends, /ready says so to whoever holds a connection still, and nobody new gets in', async () => {
  const app = await startApp()
  void fetch(`http://127.0.0.1:${app.port}/hang`).catch(() => {})
  const held = await open(app.port, 'GET /hang HTTP/1.1\nHost: x\n\nGET /ready HTTP/1.1\nHost: x\n\n')
  const balancer = await open(app.port, 'GET /ready HTTP/1.1\nHost: x\n')
  await sleep(50)
  app.process.kill('SIGTERM')
  await sleep(100)
  balancer.write('\r\n')
  expect(String(await once(balancer, 'data'))).toContain('503')
  await expect(fetch(`http://127.0.0.1:${app.port}/ready`)).rejects.toThrow('fetch failed')
  expect(await app.ended()).toMatchObject({ code: 0 })
  held.destroy()
})

test.each(['SIGTERM', 'SIGINT'] as const)('R40 a second %s ends it at once', async signal => {
  const app = await startApp()
  void fetch(`http://127.0.0.1:${app.port}/hang`).catch(() => {})
  await expect.poll(async () => (await database.backends()).length).toBe(1)
  app.process.kill(signal)
  await sleep(100)
  app.process.kill(signal)
  const end = await app.ended()
  expect(end).toMatchObject({ code: 1 })
  expect(end.ms).toBeLessThan(900)
  // The process that could have cancelled it is gone: the server runs it until it notices.
  await database.admin(
    `select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()`,
  )
})

test('R40 SIGTERM before the first listen ends it with 0', async () => {
  const late = APP.replace(`app.listen(0, '127.0.0.1')`, `(await import('node:http')).createServer(app)`)
  const app = await start(`${late}${recipe}\nsetTimeout(() => {}, 60_000)\nconsole.log('up http://none')\n`)
  app.process.kill('SIGTERM')
  const end = await app.ended()
  expect(end).toMatchObject({ code: 0 })
  expect(end.ms).toBeLessThan(900)
})
