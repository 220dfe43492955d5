import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import express from 'express'
import express4 from 'express4'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { rollbackOnError, sessions } from '../adapters/express.ts'
import { sessions as nodeSessions } from '../adapters/node.ts'
import type { MountOptions } from '../adapters/mount.ts'
import { createEngines, engine } from '../index.ts'
import { onSocket } from './clients.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { expectQuiet } from './ground-truth.ts'

interface Tables {
  t: { id: number; name: string }
  child: { parent: number }
}

const SCHEMA = `
  create table t (id serial primary key, name text);
  create table child (parent int references t deferrable initially deferred)`

/** Two databases, both transactional, a third engine that commits by itself, and a fourth that is asked to. */
const open = (first: TestDatabase, second: TestDatabase) =>
  createEngines({
    writer: engine<Tables>()({ connection: first.url, transactional: true, pool: { max: 4 } }),
    other: engine<Tables>()({ connection: second.url, transactional: true, pool: { max: 4 } }),
    manual: engine<Tables>()({ connection: first.url, pool: { max: 4 } }),
    logger: engine<Tables>()({ connection: first.url, mode: 'autocommit', enlist: 'independent' }),
  })

type TransactionEngines = ReturnType<typeof open>
export type Handler = (
  request: IncomingMessage & { readonly db: ReturnType<TransactionEngines['open']> },
  response: ServerResponse & { status(code: number): Express; json(body: unknown): void },
) => unknown
type Express = ServerResponse & { send(body?: unknown): void; json(body: unknown): void }

export const insert = (request: Parameters<Handler>[0], name = 'a') => request.db.writer('t').insert({ name })
/** Fails at COMMIT. */
export const insertOrphan = (request: Parameters<Handler>[0]) =>
  request.db.writer('child').insert({ parent: 4711 })

interface Grounds {
  readonly databases: readonly [TestDatabase, TestDatabase]
  readonly engines: TransactionEngines
  /** The names in `t` of both databases. */
  rows(): Promise<[string[], string[]]>
  /** An application with one handler for every path, on a socket of its own; closed after the test at the latest. */
  serve(kind: Kind, handler: Handler, options?: ServeOptions): Promise<Serving>
}

/** Two databases, and engines on them for applications to serve. After each test the servers are quiet and the tables empty. */
export function transactionGrounds(): Grounds {
  let databases!: readonly [TestDatabase, TestDatabase]
  let engines!: TransactionEngines
  const servings: Serving[] = []
  beforeAll(async () => {
    databases = [await createDatabase(SCHEMA), await createDatabase(SCHEMA)]
    engines = open(...databases)
    await engines.install()
  })
  afterEach(async () => {
    for (const serving of servings.splice(0)) await serving.close()
    for (const database of databases) {
      await expectQuiet(database)
      await database.admin('truncate t cascade')
    }
  })
  afterAll(async () => {
    await engines.close()
    await Promise.all(databases.map(database => database.drop()))
  })
  const namesIn = async (database: TestDatabase) =>
    (await database.admin<{ name: string }>('select name from t order by id')).map(({ name }) => name)
  return {
    get databases() {
      return databases
    },
    get engines() {
      return engines
    },
    rows: async () => [await namesIn(databases[0]), await namesIn(databases[1])],
    async serve(kind, handler, options = {}) {
      const serving = await serveTransactions(
        kind,
        (options.engines ?? engines) as TransactionEngines,
        handler,
        options,
      )
      servings.push(serving)
      return serving
    },
  }
}

type Kind = (typeof KINDS)[number]
export const KINDS = ['Express 5', 'Express 4', 'node:http'] as const

interface Serving {
  readonly url: string
  readonly port: number
  readonly server: Server
  /** What reached the error handlers, or `onError`. */
  readonly errors: unknown[]
  close(): Promise<void>
}

interface ServeOptions {
  /** Instead of those of the grounds. */
  readonly engines?: Pick<TransactionEngines, 'close'>
  readonly mount?: MountOptions
  /** Middlewares of Express before and after the mount. */
  readonly before?: express.RequestHandler[]
  readonly after?: express.RequestHandler[]
  /** What the error handler of Express answers. */
  readonly onError?: (error: unknown, response: ServerResponse) => void
  readonly rollbackOnError?: boolean
}

async function serveTransactions(
  kind: Kind,
  engines: TransactionEngines,
  handler: Handler,
  options: ServeOptions,
): Promise<Serving> {
  const errors: unknown[] = []
  const answer =
    options.onError ??
    ((error, response) => {
      response.statusCode = 500
      response.end(`error page: ${(error as { code?: string }).code ?? (error as Error).message}`)
    })
  const listener =
    kind === 'node:http'
      ? nodeSessions(engines, handler as never, {
          ...options.mount,
          onError: error => void errors.push(error),
        })
      : expressApp(kind, engines, handler, options, (error, response) => {
          errors.push(error)
          answer(error, response)
        })
  const server = createServer(listener as Parameters<typeof createServer>[1])
  return {
    ...(await onSocket(server)),
    server,
    errors,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function expressApp(
  kind: Kind,
  engines: TransactionEngines,
  handler: Handler,
  options: ServeOptions,
  failed: (error: unknown, response: ServerResponse) => void,
) {
  const app = kind === 'Express 5' ? express() : (express4() as unknown as express.Express)
  for (const middleware of options.before ?? []) app.use(middleware)
  app.use(sessions(engines, options.mount))
  for (const middleware of options.after ?? []) app.use(middleware)
  app.use((request, response, next) => {
    // Express 4 knows nothing of promises.
    const work = async () => handler(request as never, response as never)
    work().catch(next)
  })
  if (options.rollbackOnError) app.use(rollbackOnError())
  app.use(((error, _request, response, next) => {
    if (response.headersSent) return next(error)
    failed(error, response)
  }) as express.ErrorRequestHandler)
  return app
}
