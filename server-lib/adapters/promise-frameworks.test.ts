import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { fromNodeHandler, H3, toNodeHandler } from 'h3'
import { Hono } from 'hono'
import Koa from 'koa'
import { expect, onTestFinished, test, vi } from 'vitest'
import { sessions as connectSessions } from './express.ts'
import { sessions as nodeSessions, type MountOptions } from './node.ts'
import { onSocket } from '../testing/clients.ts'
import { insert, insertOrphan, transactionGrounds, type Handler } from '../testing/transaction-server.ts'

const grounds = transactionGrounds()

type Request = Parameters<Handler>[0]
type Outcome = { status?: number; body?: unknown; headers?: Record<string, string> }
/** A handler's work, in a form that each framework's handler can use. */
type Work = (request: Request) => Promise<Outcome>
type Connect = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** The result of a statement that is sent after the client has left. */
let leaving: Promise<unknown> | undefined

const works: Record<string, Work> = {
  async waits(request) {
    await insert(request)
    leaving = (async () => {
      for (;;) await request.db.writer.query('select 1')
    })()
    await leaving
    return { body: 'never' }
  },
  text: async request => (await insert(request), { body: 'done' }),
  bytes: async request => (await insert(request), { body: Buffer.from('done') }),
  json: async request => (await insert(request), { body: { done: true } }),
  head: async request => (
    await insert(request),
    { body: 'done', headers: { 'content-length': '4', 'x-a': '1' } }
  ),
  none: async request => (await insert(request), { status: 204 }),
  same: async request => (await insert(request), { status: 304, headers: { etag: '"a"' } }),
  refused: async request => (await insert(request), { status: 422, body: 'no' }),
  throws: async request => {
    await insert(request)
    throw new Error('no')
  },
  orphan: async request => (await insertOrphan(request), { body: 'done' }),
  orphanNone: async request => (await insertOrphan(request), { status: 204 }),
  orphanStream: async request => (await insertOrphan(request), { body: Readable.from(['a', 'b']) }),
  orphanLong: async request => (
    await insertOrphan(request),
    { body: Readable.from([Buffer.alloc(900_000), Buffer.alloc(900_000)]) }
  ),
  stream: async request => (await insert(request), { body: Readable.from(['a', 'b']) }),
  long: async request => (
    await insert(request),
    { body: Readable.from([Buffer.alloc(900_000), Buffer.alloc(900_000)]) }
  ),
  broken: async request => {
    await insert(request)
    return {
      body: Readable.from(
        (async function* () {
          yield 'a'
          await new Promise(resolve => setTimeout(resolve, 20))
          throw new Error('broken')
        })(),
      ),
    }
  },
  brokenAtOnce: async request => {
    await insert(request)
    return {
      body: new Readable({
        read() {
          this.destroy(new Error('broken'))
        },
      }),
    }
  },
}
const workOf = (url: string | undefined) => works[(url ?? '').slice(1)] as Work

const frameworks: Record<string, (connect?: Connect) => RequestListener> = {
  koa(connect) {
    const app = new Koa()
    app.silent = true
    if (connect)
      app.use(
        (ctx, next) =>
          new Promise<void>((resolve, reject) =>
            connect(ctx.req, ctx.res, error => (error ? reject(error as Error) : resolve(next()))),
          ),
      )
    app.use(async ctx => {
      const { status, body, headers } = await workOf(ctx.url)(ctx.req as Request)
      if (headers) ctx.set(headers)
      if (body !== undefined) ctx.body = body
      if (status) ctx.status = status
    })
    return app.callback()
  },
  hono(connect) {
    const app = new Hono<{ Bindings: HttpBindings }>()
    app.onError((_error, c) => c.text('page of hono', 500))
    if (connect)
      app.use(
        (c, next) =>
          new Promise<void>((resolve, reject) =>
            connect(c.env.incoming, c.env.outgoing as ServerResponse, error =>
              error ? reject(error as Error) : resolve(next()),
            ),
          ),
      )
    app.all('*', async c => {
      const { status = 200, body, headers = {} } = await workOf(c.env.incoming.url)(c.env.incoming as Request)
      if (body instanceof Readable)
        return new Response(Readable.toWeb(body) as ReadableStream, { status, headers })
      if (body instanceof Buffer) return c.body(new Uint8Array(body), status as 200, headers)
      if (typeof body === 'object') return c.json(body as object, status as 200, headers)
      return c.body((body as string) ?? null, status as 200, headers)
    })
    return getRequestListener(app.fetch, { overrideGlobalObjects: false }) as RequestListener
  },
  h3(connect) {
    const app = new H3({ silent: true })
    if (connect) app.use(fromNodeHandler(connect as never) as never)
    app.all('/**', async event => {
      const { req } = event.runtime!.node!
      const { status, body, headers } = await workOf(req.url)(req as unknown as Request)
      if (status) event.res.status = status
      for (const [name, value] of Object.entries(headers ?? {})) event.res.headers.set(name, value)
      return (body instanceof Readable ? Readable.toWeb(body) : body) as never
    })
    return toNodeHandler(app) as RequestListener
  },
}

const mounts = {
  node: (name: string, options: MountOptions = {}) =>
    nodeSessions(grounds.engines, frameworks[name]!() as never, { ...options, onError: () => {} }),
  connect: (name: string, options: MountOptions = {}) =>
    frameworks[name]!(connectSessions(grounds.engines, options) as Connect),
}

async function serve(listener: RequestListener) {
  const server = createServer(listener)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (await onSocket(server)).url
}

async function ask(url: string, method = 'POST') {
  try {
    const response = await fetch(url, { method, signal: AbortSignal.timeout(3_000) })
    const bytes = (await response.arrayBuffer()).byteLength
    return `${response.status} ${bytes}`
  } catch (error) {
    return (error as Error).name === 'TimeoutError' ? 'hangs' : 'cut'
  }
}

const ways = Object.keys(frameworks).flatMap(name =>
  (['node', 'connect'] as const).map(mount => [name, mount] as const),
)

/** The answer of a request, and how many rows it left. */
async function outcome(url: string, method = 'POST') {
  const before = (await grounds.rows())[0].length
  const answer = await ask(url, method)
  const left = async () => (await grounds.rows())[0].length - before
  // If the connection was cut, the server may still be ending the request.
  if (answer === 'cut') await new Promise(resolve => setTimeout(resolve, 100))
  return `${answer}, rows: ${await left()}`
}

test.each(ways)('%s under %s: the answer comes, and the rows are as it says', async (name, mount) => {
  const url = await serve(mounts[mount](name))
  const unmounted = await serve(mounts[mount](name, { activate: () => false }))
  for (const work of ['text', 'bytes', 'json', 'head', 'none', 'same', 'stream', 'long']) {
    const method = work === 'head' ? 'HEAD' : 'POST'
    expect(await outcome(`${url}/${work}`, method), work).toBe(
      `${await ask(`${unmounted}/${work}`, method)}, rows: 1`,
    )
  }
  for (const work of ['refused', 'throws', 'broken', 'brokenAtOnce']) {
    const answer = await outcome(`${url}/${work}`)
    // Hono flushes a stream's head, so the request is committed first, unless the stream breaks before that.
    const rows = name === 'hono' && work.startsWith('broken') ? '[01]' : '0'
    expect(answer, work).toMatch(new RegExp(`^${await ask(`${unmounted}/${work}`)}, rows: ${rows}$`))
  }
})

test.each(ways)('%s under %s: a commit that fails is answered with 500', async (name, mount) => {
  const url = await serve(mounts[mount](name))
  const orphans = ['orphan', 'orphanNone', 'orphanStream', 'orphanLong']
  const answers = await Promise.all(orphans.map(work => ask(`${url}/${work}`)))
  expect(answers).toEqual(orphans.map(() => '500 21'))
})

test.each(ways)(
  '%s under %s: the handler hears of a client that leaves, and nothing is kept',
  async (name, mount) => {
    const url = await serve(mounts[mount](name))
    const left = new AbortController()
    const asked = fetch(`${url}/waits`, { method: 'POST', signal: left.signal }).catch(() => {})
    await vi.waitFor(() => expect(leaving).toBeDefined())
    left.abort()
    await asked
    await expect(leaving).rejects.toMatchObject({ code: 'EL_ENDED' })
    leaving = undefined
    expect((await grounds.rows())[0]).toEqual([])
  },
)
