import { ApolloServer } from '@apollo/server'
import { expressMiddleware } from '@as-integrations/express5'
import express from 'express'
import { createSchema, createYoga } from 'graphql-yoga'
import { expect, test } from 'vitest'
import { mutationUnits } from './graphql.ts'
import { procedureUnit } from './trpc.ts'
import { createHTTPHandler } from '@trpc/server/adapters/standalone'
import { initTRPC } from '@trpc/server'
import {
  insert,
  insertOrphan,
  KINDS,
  transactionGrounds,
  type Handler,
} from '../testing/transaction-server.ts'

const grounds = transactionGrounds()

type Request = Parameters<Handler>[0]
interface Context {
  request: Request
}

const typeDefs = `
  type Query { read: Int broken: Int }
  type Mutation { pay: Int fail: Int orphan: Int sneak: Int deep: Deep must: Int! wrong: Int }
  type Deep { ok: Int no: Int }`
const resolvers = {
  Query: {
    read: async (_root: unknown, _args: unknown, { request }: Context) =>
      (await request.db.writer('t').select()).length,
    broken: () => {
      throw new Error('no')
    },
  },
  Mutation: {
    pay: (_root: unknown, _args: unknown, { request }: Context) => insert(request, 'paid').then(() => 1),
    fail: async (_root: unknown, _args: unknown, { request }: Context) => {
      await insert(request, 'half')
      throw new Error('no stock')
    },
    deep: () => ({
      ok: 1,
      no: () => {
        throw new Error('no')
      },
    }),
    must: () => {
      throw new Error('no')
    },
    wrong: () => 'no number',
    orphan: (_root: unknown, _args: unknown, { request }: Context) => insertOrphan(request).then(() => 1),
    // Writes through a SELECT, so the answer's command tag does not show the write.
    sneak: async (_root: unknown, _args: unknown, { request }: Context) => {
      await request.db.writer.query(
        "with w as (insert into t (name) values ('sneaked') returning 1) select 1",
      )
      return 1
    },
  },
}

const yoga = createYoga<Context>({
  logging: false,
  batching: true,
  maskedErrors: false,
  context: ({ req }: any) => ({ request: req }),
  schema: createSchema({ typeDefs, resolvers }),
})

const newApollo = () => new ApolloServer<Context>({ typeDefs, resolvers, allowBatchedHttpRequests: true })

const servers: Record<string, () => Promise<Handler>> = {
  yoga: async () => (request, response) => yoga(request, response),
  Apollo: () => serveApollo(newApollo()),
}

async function serveApollo(server: ApolloServer<Context>): Promise<Handler> {
  await server.start()
  const app = express()
  app.use(
    express.json(),
    expressMiddleware(server, { context: async ({ req }) => ({ request: req as unknown as Request }) }),
  )
  return (request, response) => app(request as never, response as never)
}

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  return {
    status: response.status,
    text,
    body: /^[{[]/.test(text) && !text.includes('\n[') ? JSON.parse(text) : text,
  }
}

const mutation = (fields: string) => ({ query: `mutation { ${fields} }` })

const ways = Object.keys(servers).flatMap(name => KINDS.map(kind => [name, kind] as const))

test.each(ways)('%s on %s: the rows are as the answer says', async (name, kind) => {
  const { url } = await grounds.serve(kind, await servers[name]!(), { rollbackOnError: true })

  expect((await post(`${url}/graphql`, mutation('pay'))).body).toEqual({ data: { pay: 1 } })
  expect(await grounds.rows()).toEqual([['paid'], []])

  for (const fields of ['fail', 'pay fail', 'fail pay', 'sneak fail']) {
    const { body } = await post(`${url}/graphql`, mutation(fields))
    expect(body, fields).toMatchObject({ data: null, errors: [{ message: 'no stock' }] })
  }
  const { body } = await post(`${url}/graphql`, [mutation('pay'), mutation('fail')])
  expect(body).toMatchObject([
    { data: null, errors: [{}] },
    { data: null, errors: [{ message: 'no stock' }] },
  ])
  expect(await grounds.rows()).toEqual([['paid'], []])

  // An answer that only read loses nothing in a rollback, and is sent as it is.
  const read = await post(`${url}/graphql`, { query: '{ read broken }' })
  expect(read.body).toMatchObject({ data: { read: 1, broken: null }, errors: [{ message: 'no' }] })

  const { status, text } = await post(`${url}/graphql`, mutation('orphan'))
  expect([status, text.includes('"orphan":1')]).toEqual([500, false])
})

test('X-Tm and a veto of the mount have the last word', async () => {
  const kept: Handler = (request, response) => {
    response.setHeader('X-Tm', 'commit')
    return yoga(request, response)
  }
  const { url } = await grounds.serve('Express 5', kept)
  expect((await post(`${url}/graphql`, mutation('pay fail'))).body).toMatchObject({
    data: { pay: 1, fail: null },
  })
  const own = await grounds.serve('Express 5', await servers.yoga!(), { mount: { veto: () => false } })
  await post(`${own.url}/graphql`, mutation('pay fail'))
  expect((await grounds.rows())[0]).toEqual(['paid', 'half', 'paid', 'half'])
})

test('a body that is packed is read as well, and what describes it goes with it', async () => {
  const { url } = await grounds.serve('node:http', async (request, response) => {
    const { gzipSync } = await import('node:zlib')
    await insert(request)
    const body = gzipSync(JSON.stringify({ data: { a: 1, b: null }, errors: [{ message: 'no' }] }))
    const head = { 'content-type': 'application/json', 'content-encoding': 'gzip', etag: '"x"' }
    response.writeHead(200, { ...head, 'content-length': body.length })
    response.write(body.subarray(0, 10))
    response.end(body.subarray(10))
  })
  const response = await fetch(url)
  expect(await response.json()).toEqual({ data: null, errors: [{ message: 'no' }] })
  expect([response.headers.get('etag'), response.headers.get('content-encoding')]).toEqual([null, null])
  expect(await grounds.rows()).toEqual([[], []])
})

test('an answer in parts of which one failed is not sent, and nothing is kept', async () => {
  const { url, errors } = await grounds.serve('Express 5', async (request, response) => {
    await insert(request)
    response.setHeader('content-type', 'text/event-stream')
    response.write('event: next\ndata: {"data":{"a":1},"errors":[{"message":"no"}]}\n\n')
    response.end('event: complete\n\n')
  })
  expect((await fetch(url)).status).toBe(500)
  expect(errors).toMatchObject([{ code: 'EL_COMMIT_ROLLED_BACK' }])
  expect(await grounds.rows()).toEqual([[], []])
})

test('JSON-RPC: one call, and a batch as one', async () => {
  const { url } = await grounds.serve('Express 5', async (request, response) => {
    await insert(request)
    const error = { jsonrpc: '2.0', id: 2, error: { code: 1, message: 'no' } }
    response.json(request.url === '/one' ? error : [{ jsonrpc: '2.0', id: 1, result: 5 }, error])
  })
  expect((await post(`${url}/one`, {})).body).toMatchObject({ error: { message: 'no' } })
  expect((await post(url, {})).body).toMatchObject([
    { id: 1, error: {} },
    { id: 2, error: { message: 'no' } },
  ])
  expect(await grounds.rows()).toEqual([[], []])
})

const schema = createSchema<Context>({ typeDefs, resolvers })
const unitServers: Record<string, () => Promise<Handler>> = {
  yoga: async () => {
    const server = createYoga<Context>({
      logging: false,
      batching: true,
      maskedErrors: false,
      context: ({ req }: any) => ({ request: req }),
      schema: mutationUnits(schema, grounds.engines),
    })
    return (request, response) => server(request, response)
  },
  Apollo: () =>
    serveApollo(
      new ApolloServer<Context>({
        schema: mutationUnits(createSchema<Context>({ typeDefs, resolvers }) as never, grounds.engines),
        allowBatchedHttpRequests: true,
      }),
    ),
}

test.each(Object.keys(unitServers))(
  '%s with mutationUnits: each field is kept or undone by itself',
  async name => {
    const { url, errors } = await grounds.serve('Express 5', await unitServers[name]!())
    expect((await post(`${url}/graphql`, mutation('fail pay again: fail'))).body).toMatchObject({
      data: { fail: null, pay: 1, again: null },
      errors: [{ path: ['fail'] }, { path: ['again'] }],
    })
    expect((await post(`${url}/graphql`, [mutation('pay'), mutation('fail')])).body).toMatchObject([
      { data: { pay: 1 } },
      { data: { fail: null } },
    ])
    expect((await grounds.rows())[0]).toEqual(['paid', 'paid'])

    // An error below a field, or one that makes all data null, belongs to no unit: everything is undone.
    for (const fields of ['pay deep { ok no }', 'pay must', 'pay wrong']) {
      const { body } = await post(`${url}/graphql`, mutation(fields))
      expect(body, fields).toMatchObject({ data: null, errors: [{}] })
    }
    expect((await grounds.rows())[0]).toEqual(['paid', 'paid'])

    const { status, body } = await post(`${url}/graphql`, mutation('pay orphan'))
    expect([status, body]).toMatchObject([
      200,
      { data: null, errors: [{ message: expect.stringMatching(/commit failed/) }] },
    ])
    const strict = await post(`${url}/graphql`, mutation('orphan'), {
      accept: 'application/graphql-response+json',
    })
    expect([strict.status, strict.body]).toMatchObject([500, { data: null }])
    expect((await grounds.rows())[0]).toEqual(['paid', 'paid'])
    expect(errors).toEqual([])
  },
)

const t = initTRPC.context<Context>().create()
const router = t.router({
  pay: t.procedure.mutation(({ ctx: { request } }) => insert(request, 'paid').then(() => 1)),
  fail: t.procedure.mutation(async ({ ctx: { request } }) => {
    await insert(request, 'half')
    throw new Error('no stock')
  }),
})

test('tRPC with procedureUnit: each procedure of a batch is kept or undone by itself', async () => {
  const unit = t.procedure.use(procedureUnit(grounds.engines))
  const inner = t.router({
    fail: unit.mutation(async ({ ctx: { request } }) => {
      await insert(request, 'half')
      throw new Error('no stock')
    }),
  })
  const units = t.router({
    pay: unit.mutation(({ ctx: { request } }) => insert(request, 'paid').then(() => 1)),
    fail: inner.fail,
    orphan: unit.mutation(({ ctx: { request } }) => insertOrphan(request).then(() => 1)),
    // A procedure that calls another, and goes on when that fails.
    forgiving: unit.mutation(async ({ ctx }) => {
      await inner
        .createCaller(ctx)
        .fail()
        .catch(() => {})
      return insert(ctx.request, 'forgiven').then(() => 1)
    }),
    bare: router.fail,
  })
  const handler = createHTTPHandler({
    router: units,
    createContext: ({ req }) => ({ request: req as Request }),
  })
  const { url, errors } = await grounds.serve('node:http', (request, response) => handler(request, response))
  const batch = await post(`${url}/fail,pay,fail,forgiving?batch=1`, {})
  expect([batch.status, batch.body]).toMatchObject([
    207,
    [{ error: {} }, { result: { data: 1 } }, { error: {} }, { result: { data: 1 } }],
  ])
  const streamed = await post(`${url}/fail,pay?batch=1`, {}, { 'trpc-accept': 'application/jsonl' })
  expect(streamed.text).toMatch(/"result"/)
  expect((await grounds.rows())[0]).toEqual(['paid', 'forgiven', 'paid'])

  // A procedure without a unit of its own has failed: what it wrote before is unknown.
  const bare = await post(`${url}/pay,forgiving,bare?batch=1`, {})
  expect(bare.body).toMatchObject([{ error: {} }, { error: {} }, { error: {} }])
  expect(errors).toEqual([])
  for (const path of ['pay,orphan?batch=1', 'orphan']) {
    const { status, text } = await post(`${url}/${path}`, {})
    expect([status, text.includes('commit failed'), text.includes('result')]).toEqual([500, true, false])
  }
  expect(errors).toMatchObject([{ code: 'EL_COMMIT_FAILED' }, { code: 'EL_COMMIT_FAILED' }])
  expect((await grounds.rows())[0]).toEqual(['paid', 'forgiven', 'paid'])
})

test('tRPC: one procedure, and a batch as one, also where it is streamed', async () => {
  const handler = createHTTPHandler({ router, createContext: ({ req }) => ({ request: req as Request }) })
  const { url } = await grounds.serve('node:http', (request, response) => handler(request, response))
  expect((await post(`${url}/pay`, {})).body).toEqual({ result: { data: 1 } })
  expect((await post(`${url}/fail`, {})).status).toBe(500)
  const batch = await post(`${url}/pay,fail?batch=1`, {})
  expect([batch.status, batch.body]).toMatchObject([207, [{ error: {} }, { error: { message: 'no stock' } }]])
  const streamed = await post(`${url}/pay,fail?batch=1`, {}, { 'trpc-accept': 'application/jsonl' })
  expect([streamed.status, streamed.text.includes('result')]).toEqual([500, false])
  expect(await grounds.rows()).toEqual([['paid'], []])
})
