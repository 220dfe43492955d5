import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createEngines, engine, type Engines } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectQuiet } from '../testing/ground-truth.ts'
import { MOUNTS, serve, type Handler } from '../testing/serve.ts'
import { listen } from '../testing/story.ts'
import { watchGround, type GroundWatch } from '../testing/watch-ground.ts'

let database: TestDatabase
let watch: GroundWatch
let engines: ReturnType<typeof open>
const open = () => createEngines({ main: engine()({ connection: database.url, pool: { max: 1 } }) })
beforeAll(async () => {
  database = await createDatabase('create table t (id serial primary key, name text)')
})
beforeEach(async () => {
  watch = await watchGround(database, { max: 2 })
  engines = open()
})
afterEach(async () => {
  await watch.expectSound(engines)
  await watch[Symbol.asyncDispose]()
  await database.admin('truncate t')
})
afterAll(() => database.drop())

type OneHandler = ReturnType<typeof open> extends Engines<infer D> ? Handler<D> : never

const boom = new Error('boom')
const write: OneHandler = req => req.db.main('t').insert({ name: 'uncommitted' })

/** What goes wrong, and how the client, the application and the channel see it. */
const WRONG: Record<string, { handler: OneHandler; status: number; errors: unknown[]; outcome: string }> = {
  'throws before it has awaited anything': {
    handler: (req, res) => {
      void Promise.resolve(write(req, res)).catch(() => {})
      throw boom
    },
    status: 500,
    errors: [boom],
    outcome: 'failed',
  },
  rejects: {
    handler: async (req, res) => {
      await write(req, res)
      throw boom
    },
    status: 500,
    errors: [boom],
    outcome: 'failed',
  },
  'rejects with a text': {
    handler: async (req, res) => {
      await write(req, res)
      throw 'a text'
    },
    status: 500,
    errors: ['a text'],
    outcome: 'failed',
  },
  'rejects with undefined': {
    handler: async (req, res) => {
      await write(req, res)
      throw undefined
    },
    status: 500,
    errors: [undefined],
    outcome: 'failed',
  },
  'has answered, and throws': {
    handler: async (req, res) => {
      await write(req, res)
      res.end('done')
      throw boom
    },
    status: 200,
    errors: [boom],
    outcome: 'finished',
  },
  'answers twice': {
    handler: async (req, res) => {
      await write(req, res)
      res.writeHead(200).end('one')
      res.writeHead(200).end('two')
    },
    status: 200,
    errors: [expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' })],
    outcome: 'finished',
  },
  'has begun to answer, and throws': {
    handler: async (req, res) => {
      await write(req, res)
      res.write('half')
      throw boom
    },
    status: 200,
    errors: [boom],
    outcome: 'finished',
  },
}

describe.each(MOUNTS)('R21 %s: a handler that', mount => {
  test.each(Object.entries(WRONG))(
    '%s: its session ends once',
    async (what, { handler, status, errors, outcome }) => {
      const { messages, stop } = listen('request', 'session')
      const server = await serve(mount, engines, handler)
      const response = await fetch(server.url)
      await response.text()
      expect(response.status).toBe(status)
      await expect.poll(() => messages.at(-1)).toMatchObject({ phase: 'end', outcome, unreleased: [] })
      stop()
      // Express has no error for undefined: it makes one.
      if (what !== 'rejects with undefined' || mount === 'node:http') expect(server.errors).toEqual(errors)
      const ends = messages.filter(({ phase }) => phase === 'end').map(({ channel }) => channel)
      expect(ends).toEqual(['enginelight:session', 'enginelight:request'])
      expect(await database.admin('select name from t')).toEqual([])
      await server.stop()
    },
  )

  test('never settles: its session ends when the client leaves', async () => {
    const { messages, stop } = listen('request', 'session')
    const server = await serve(mount, engines, async (req, res) => {
      await write(req, res)
      res.write('for ever')
      await new Promise(() => {})
    })
    const client = server.ask()
    const response = await client.answered
    await once(response, 'data')
    client.hangUp()
    await expect
      .poll(() => messages.at(-1))
      .toMatchObject({ phase: 'end', outcome: 'aborted', unreleased: [] })
    stop()
    expect(messages.filter(({ phase }) => phase === 'end').length).toBe(2)
    await server.stop()
  })
})

/** A process of its own: what is thrown outside of every promise and handler is nobody's but the process's. */
const PROGRAM = `
  import { createServer as vite } from 'vite'
  import http from 'node:http'
  const { url, kept } = JSON.parse(process.argv[1])
  const server = await vite({ configFile: false, root: process.cwd(), logLevel: 'error', appType: 'custom',
    server: { middlewareMode: true, hmr: false, ws: false, watch: null }, optimizeDeps: { noDiscovery: true } })
  const { createEngines, engine } = await server.ssrLoadModule('/server-lib/index.ts')
  const { observe } = await server.ssrLoadModule('/server-lib/channels/index.ts')
  const { sessions } = await server.ssrLoadModule('/server-lib/adapters/node.ts')
  const engines = createEngines({ main: engine()({ connection: url, pool: { max: 1 } }) })
  let ends = 0
  observe('enginelight:session', message => void (message.phase === 'end' && ends++))
  let client
  if (kept) process.on('uncaughtException', error => {
    client.destroy()
    setTimeout(async () => {
      const { rows } = await engines.scope(db => db.main.query('select count(*)::int as n from t'))
      console.log(JSON.stringify({ message: error.message, ends, rows }))
      process.exit(0)
    }, 200)
  })
  const app = http.createServer(sessions(engines, async (req, res) => {
    await req.db.main('t').insert({ name: 'uncommitted' })
    process.nextTick(() => { throw new Error('next tick') })
  }))
  app.listen(0, '127.0.0.1', () => {
    client = http.get({ port: app.address().port, host: '127.0.0.1' })
    client.on('error', () => {})
  })
  setTimeout(() => process.exit(7), 8_000)
`

test.each([true, false])(
  'R21 an error thrown in process.nextTick: the session ends once, or with the process (kept alive: %s)',
  async kept => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const args = ['--input-type=module', '-e', PROGRAM, JSON.stringify({ url: database.url, kept })]
    const { code, output } = await new Promise<{ code: unknown; output: string }>(resolve => {
      execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, output: kept ? stdout : stderr }),
      )
    })
    if (kept) {
      // The request's, and the scope's of the look that follows counted before it ended.
      expect(JSON.parse(output)).toEqual({ message: 'next tick', ends: 2, rows: [{ n: 0 }] })
    } else {
      expect(output).toContain('next tick')
    }
    expect(code).toBe(kept ? 0 : 1)
    await expectQuiet(database)
    expect(await database.admin('select name from t')).toEqual([])
  },
)
