import { createServer, request as httpRequest, type Server } from 'node:http'
import express, { type Express } from 'express'
import express4 from 'express4'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createEngines, engine } from '../index.ts'
import { onSocket } from '../testing/clients.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { listen } from '../testing/story.ts'
import { sessions } from './express.ts'
import { sessions as nodeSessions } from './node.ts'

interface Tables {
  t: { id: number; name: string }
}

let database: TestDatabase
const open = () =>
  createEngines({
    reader: engine<Tables>()({ connection: database.url, access: 'read', pool: { max: 2 } }),
    writer: engine<Tables>()({ connection: database.url, default: true, pool: { max: 2 } }),
  })
let engines: ReturnType<typeof open>
let server: Server | undefined

declare module '../engine-set/register.ts' {
  interface Register {
    engines: ReturnType<typeof open>
  }
}

beforeAll(async () => {
  database = await createDatabase('create table t (id serial primary key, name text)')
  engines = open()
})
afterEach(async () => {
  server?.closeAllConnections()
  await new Promise(resolve => (server ? server.close(resolve) : resolve(undefined)))
  server = undefined
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(async () => {
  await engines.close()
  await expectBackends(database, 0)
  await database.drop()
})

async function serve(listener: Parameters<typeof createServer>[1]): Promise<string> {
  server = createServer(listener)
  return (await onSocket(server)).url
}

const rows = async () => (await database.admin('select name from t order by id')).map(row => row.name)

describe.each([
  ['Express 5', () => express()],
  ['Express 4', () => express4() as unknown as Express],
])('%s', (_name, make) => {
  test('a request has a lazy container, which ends when the response has', async () => {
    const { told, stop } = listen('request', 'session')
    const app = make()
    app.use(sessions(engines))
    app.get('/none', (_req, res) => void res.send('ok'))
    app.post('/one', (req, res, next) => {
      const work = async () => {
        await req.db.writer('t').insert({ name: 'a' })
        await req.db.writer.commit()
        await req.db.writer('t').insert({ name: 'uncommitted' })
        res.json(req.db.status)
      }
      work().catch(next)
    })
    const url = await serve(app)
    expect(await (await fetch(`${url}/none?secret=1`)).text()).toBe('ok')
    expect(await (await fetch(`${url}/one`, { method: 'POST' })).json()).toEqual({
      reader: 'initialized',
      writer: 'started',
    })
    await expect.poll(() => told().at(-1)).toBe('request finished')
    stop()
    expect(told()).toEqual([
      'request GET /none',
      'request finished',
      'request POST /one',
      'session writer start',
      'session writer active',
      'session writer ending: commit',
      'session writer idle',
      'session writer active',
      'session writer ending: commit forgotten',
      'session writer idle',
      'session writer end',
      'request finished',
    ])
    expect(await rows()).toEqual(['a'])
  })

  test('another name, and two mounts of the same engines on one request', async () => {
    const app = make()
    app.use(sessions(engines, { as: 'data' }))
    app.use(sessions(engines))
    app.get('/', (req, res) => {
      const { data } = req as unknown as { data: unknown }
      res.json({ same: data === req.db, id: req.db.info.requestId, isRequest: req.db.info.request === req })
    })
    const body = await (await fetch(await serve(app))).json()
    expect(body).toEqual({ same: true, id: expect.stringMatching(/^u\d+$/), isRequest: true })
  })

  test('two sets of engines on one request end together, before the request is told to be over', async () => {
    await using others = createEngines({
      other: engine<Tables>()({ connection: database.url, pool: { max: 1 } }),
    })
    const { messages, stop } = listen('request', 'session')
    const app = make()
    app.use(sessions(engines))
    app.use(sessions(others, { as: 'second' }))
    app.get('/', (req, res, next) => {
      const { second } = req as unknown as { second: ReturnType<typeof others.open> }
      const work = async () => {
        await req.db.writer('t').insert({ name: 'lost' })
        await second.other('t').insert({ name: 'lost' })
        res.end('ok')
      }
      work().catch(next)
    })
    await (await fetch(await serve(app))).text()
    await expect
      .poll(() => messages.at(-1))
      .toMatchObject({ phase: 'end', outcome: 'finished', unreleased: [] })
    stop()
    expect(
      messages.filter(({ channel, phase }) => channel === 'enginelight:session' && phase === 'end'),
    ).toHaveLength(2)
    expect(messages.filter(({ channel }) => channel === 'enginelight:request')).toHaveLength(2)
    await others.close()
    expect(await rows()).toEqual([])
  })

  test('a handler that throws rolls back and answers 500', async () => {
    const { messages, stop } = listen('request')
    const app = make()
    app.use(sessions(engines))
    app.get('/', (req, _res, next) => {
      const work = async () => {
        await req.db.writer('t').insert({ name: 'lost' })
        throw new Error('handler')
      }
      work().catch(next)
    })
    app.use(((_error, _req, res, _next) => void res.status(500).send('no')) as express.ErrorRequestHandler)
    const response = await fetch(await serve(app))
    expect(response.status).toBe(500)
    await expect
      .poll(() => messages.at(-1))
      .toMatchObject({ phase: 'end', outcome: 'failed', status: 500, unreleased: [] })
    stop()
    expect(await rows()).toEqual([])
  })

  test('a client that goes away cancels the running statement on the server and frees the connection', async () => {
    const { messages, stop } = listen('request', 'checkout')
    const app = make()
    app.use(sessions(engines))
    const seen: { error?: unknown; later?: unknown } = {}
    app.get('/', req => {
      const work = async () => {
        await req.db.writer('t').insert({ name: 'lost' })
        await req.db.writer.query('select pg_sleep(30)').catch((error: unknown) => (seen.error = error))
        await req.db
          .writer('t')
          .select()
          .catch((error: unknown) => (seen.later = error))
      }
      void work()
    })
    const url = await serve(app)
    const client = httpRequest(url).end()
    client.on('error', () => {})
    await expect
      .poll(() => database.backends())
      .toContainEqual(expect.objectContaining({ state: 'active', query: 'select pg_sleep(30)' }))
    const startedAt = performance.now()
    client.destroy()
    await expect.poll(() => seen.later, { timeout: 3_000 }).toMatchObject({ code: 'EL_ENDED' })
    expect(seen.error).toMatchObject({ code: 'EL_ENDED' })
    await expectQuiet(database)
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    await expect
      .poll(() => messages.at(-1))
      .toMatchObject({ phase: 'end', outcome: 'aborted', unreleased: [] })
    expect(messages).toContainEqual(expect.objectContaining({ phase: 'released', discarded: 'cancelled' }))
    stop()
    expect(await rows()).toEqual([])
  })
})

test('node:http: the handler is typed, runs in the scope, and its failure is answered', async () => {
  const url = await serve(
    nodeSessions(
      engines,
      async (req, res) => {
        if (req.url === '/fail') throw new Error('handler')
        await engines.current.writer('t').insert({ name: 'n' })
        await req.db.writer.commit()
        res.end(String(engines.current === req.db))
      },
      { onError: () => {} },
    ),
  )
  expect(await (await fetch(url)).text()).toBe('true')
  expect((await fetch(`${url}/fail`)).status).toBe(500)
  expect(await rows()).toEqual(['n'])
})

test('a property that is taken, and a name that is none, are refused at once', async () => {
  expect(() => sessions(engines, { as: 'a b' })).toThrow(expect.objectContaining({ code: 'EL_CONFIG' }))
  expect(() => sessions({} as never)).toThrow(expect.objectContaining({ code: 'EL_CONFIG' }))
  const app = express()
  app.use((req, _res, next) => {
    Object.assign(req, { db: 'mine' })
    next()
  })
  app.use(sessions(engines))
  app.use(
    ((error, _req, res, _next) =>
      void res.status(418).send(String(error.code))) as express.ErrorRequestHandler,
  )
  const response = await fetch(await serve(app))
  expect(await response.text()).toBe('EL_CONFIG')
})
