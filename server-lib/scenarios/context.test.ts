import { AsyncResource } from 'node:async_hooks'
import { EventEmitter, once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createHttp2, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { sessions as nodeSessions } from '../adapters/node.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { serve } from '../testing/serve.ts'
import { watchGround, type GroundWatch } from '../testing/watch-ground.ts'

let database: TestDatabase
let watch: GroundWatch
let engines: ReturnType<typeof open>
const open = () =>
  createEngines({
    main: engine()({ connection: database.url, pool: { max: 4 } }),
    log: engine()({ connection: database.url, mode: 'autocommit', pool: { max: 2 } }),
  })
type Db = ReturnType<(typeof engines)['open']>

beforeAll(async () => {
  database = await createDatabase('create table marker (asked text, found text)')
})
beforeEach(async () => {
  watch = await watchGround(database, { max: 6 })
  engines = open()
})
afterEach(async () => {
  await watch.expectSound(engines)
  await watch[Symbol.asyncDispose]()
  await database.admin('truncate marker')
})
afterAll(() => database.drop())

/** Made once for the process, as a library's module state is: whoever comes first gives it his context. */
function makeOldWays() {
  const emitter = new EventEmitter()
  emitter.setMaxListeners(0)
  const queue: (() => void)[] = []
  // A worker that takes jobs off a queue: they all run in the context in which it was started.
  const timer = setInterval(() => {
    for (const job of queue.splice(0)) job()
  }, 1)
  const resource = new AsyncResource('Library')
  return { emitter, queue, resource, stop: () => clearInterval(timer) }
}

type Ways = ReturnType<typeof makeOldWays>
type Way = (ways: Ways, work: () => Promise<void>) => Promise<void>

const run = (work: () => Promise<void>, start: (job: () => void) => void) =>
  new Promise<void>((resolve, reject) => start(() => void work().then(resolve, reject)))

/** Ways through which work comes back to a handler, and whether its context comes with it. */
const WAYS: Record<string, [keeps: boolean, way: Way]> = {
  setTimeout: [true, (_ways, work) => run(work, job => void setTimeout(job, 1))],
  setImmediate: [true, (_ways, work) => run(work, job => void setImmediate(job))],
  'process.nextTick': [true, (_ways, work) => run(work, job => process.nextTick(job))],
  queueMicrotask: [true, (_ways, work) => run(work, job => queueMicrotask(job))],
  'a listener of an emitter of its own': [
    true,
    (_ways, work) =>
      run(work, job => {
        const own = new EventEmitter()
        own.once('go', job)
        setTimeout(() => own.emit('go'), 1)
      }),
  ],
  'a stream': [
    true,
    async (_ways, work) => {
      for await (const _chunk of Readable.from(['one'])) await work()
    },
  ],
  'a thenable': [
    true,
    async (_ways, work) => {
      // eslint-disable-next-line unicorn/no-thenable
      await { then: (resolve: () => void) => void setTimeout(resolve, 1) }
      await work()
    },
  ],
  'a thenable that works as it is awaited': [
    true,
    async (_ways, work) => {
      // eslint-disable-next-line unicorn/no-thenable
      await {
        then: (resolve: () => void, reject: (error: unknown) => void) => void work().then(resolve, reject),
      }
    },
  ],
  'a listener of a shared emitter, emitted by the request': [
    true,
    (ways, work) =>
      run(work, job => {
        ways.emitter.once('go', job)
        ways.emitter.emit('go')
      }),
  ],
  "a worker's queue": [false, (ways, work) => run(work, job => void ways.queue.push(job))],
  'an AsyncResource without bind': [
    false,
    (ways, work) => run(work, job => void setTimeout(() => ways.resource.runInAsyncScope(job), 1)),
  ],
  'a shared emitter, emitted by the worker': [
    false,
    (ways, work) =>
      run(work, job => {
        ways.emitter.once('later', job)
        ways.queue.push(() => ways.emitter.emit('later'))
      }),
  ],
}

/** Writes whose work it is and whose container it found. */
async function mark(db: Db, asked: string): Promise<void> {
  await db.log('marker').insert({ asked, found: db.info.requestId })
  await db.main('marker').insert({ asked, found: db.info.requestId })
  await db.main.commit()
}

const strangers = () => database.admin('select asked, found from marker where asked <> found')

test.each([
  ['outside of any request', false],
  ['inside of an earlier request', true],
])(
  'R23 a lost context finds the right request or none, never another one: the library was started %s',
  async (_where, startedInside) => {
    const ways = startedInside ? await engines.scope(() => makeOldWays()) : makeOldWays()
    const requests = Array.from({ length: 12 }, () =>
      engines.scope(async db => {
        const asked = db.info.requestId
        for (const [name, [keeps, way]] of Object.entries(WAYS)) {
          const error = await way(ways, () =>
            Promise.resolve().then(() => mark(engines.current as Db, asked)),
          ).then(
            () => null,
            (caught: unknown) => caught,
          )
          if (keeps) expect(error, name).toBeNull()
          // Of a request that is over, or of none at all.
          else expect(error, name).toMatchObject({ code: startedInside ? 'EL_ENDED' : 'EL_NO_SCOPE' })
          // Who passes `db` along needs no context.
          await way(ways, () => mark(db, asked))
        }
      }),
    )
    await Promise.all(requests)
    ways.stop()
    expect(await strangers()).toEqual([])
    const keeping = Object.values(WAYS).filter(([keeps]) => keeps).length
    const [row] = await database.admin('select count(*)::int as n from marker')
    expect(row?.n).toBe(2 * 12 * (Object.keys(WAYS).length + keeping))
  },
)

test('R23 callbacks of the driver run in the context that opened the socket, those of a session in its own', async () => {
  await using one = createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
  // The first request opens the only socket.
  await one.scope(db => db.main.query('select 1'))
  const work = Array.from({ length: 10 }, () =>
    one.scope(async db => {
      const asked = db.info.requestId
      const found: string[] = []
      const look = () => void found.push(one.current.info.requestId)
      const client = db.main.knex.client as {
        acquireConnection(): Promise<{ query(text: string, callback: () => void): void }>
      }
      const connection = await client.acquireConnection()
      await new Promise<void>(resolve => connection.query('select 1', () => (look(), resolve())))
      await db.main.query('select 1').then(look)
      await db.main('marker').select().then(look)
      await db.main('marker').insert({ asked, found: one.current.info.requestId }).then(look)
      await new Promise<void>(resolve => {
        const stream = db.main.stream('select generate_series(1, 300)')
        stream.once('data', look)
        stream.once('end', look)
        stream.once('close', () => (look(), resolve()))
      })
      await db.main.commit()
      expect(found).toEqual(Array.from({ length: 7 }, () => asked))
    }),
  )
  await Promise.all(work)
  await one.close()
  expect(await strangers()).toEqual([])
})

const answerWithMark = async (req: IncomingMessage & { db: unknown }, res: ServerResponse) => {
  const asked = (req.db as Db).info.requestId
  await sleep(Math.random() * 5)
  await mark(engines.current as Db, asked)
  // The body's events come from the socket, which another request may have opened.
  const found = await new Promise<string>(resolve => {
    req.on('data', () => {})
    req.on('end', () => resolve((engines.current as Db).info.requestId))
  })
  await database.admin('insert into marker values ($1, $2)', [asked, found])
  res.end(asked)
}

test.each(['express', 'node:http'] as const)(
  'R23 %s: two hundred requests on a few sockets that are kept alive, each finds its own',
  async mount => {
    const server = await serve(mount, engines, answerWithMark)
    const agent = new Agent({ keepAlive: true, maxSockets: 3 })
    const ids = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const asked = httpRequest({ port: server.port, host: '127.0.0.1', method: 'POST', agent })
        asked.end('body')
        const [response] = (await once(asked, 'response')) as [IncomingMessage]
        return (await response.setEncoding('utf8').toArray()).join('')
      }),
    )
    agent.destroy()
    await server.stop()
    expect(server.errors).toEqual([])
    expect(new Set(ids).size).toBe(200)
    expect(await strangers()).toEqual([])
    expect(await database.admin('select count(*)::int as n from marker')).toEqual([{ n: 600 }])
  },
)

test('R23 HTTP/2: two hundred requests at once on one socket, each finds its own', async () => {
  const errors: unknown[] = []
  const handler = nodeSessions(engines, answerWithMark as never, {
    onError: error => void errors.push(error),
  })
  const server: Http2Server = createHttp2((req, res) => handler(req as never, res as never))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const ids = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const stream = client.request({ ':method': 'POST', ':path': '/' })
      stream.end('body')
      return (await stream.setEncoding('utf8').toArray()).join('')
    }),
  )
  // A stream that its client resets ends its own request alone.
  const reset = client.request({ ':method': 'POST', ':path': '/' })
  reset.on('error', () => {})
  const kept = client.request({ ':method': 'POST', ':path': '/' })
  kept.end('body')
  reset.close(8)
  expect((await kept.setEncoding('utf8').toArray()).join('')).toMatch(/^u\d+$/)
  client.close()
  await new Promise(resolve => void server.close(resolve))
  expect(errors.filter(error => (error as { code?: string }).code !== 'EL_ENDED')).toEqual([])
  expect(new Set(ids).size).toBe(200)
  expect(await strangers()).toEqual([])
})
