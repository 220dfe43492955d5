import type { Knex } from 'knex'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { SessionConnection } from './session-connection.ts'
import type { SessionCore } from './session.ts'

/** A knex client as we use it: it makes builders and runs them. */
export interface BuilderClient {
  queryBuilder(): Knex.QueryBuilder
  raw(...args: unknown[]): Knex.Raw
  schemaBuilder(): Knex.SchemaBuilder
  ref(name: string): Knex.Ref<string, Record<string, string>>
}

interface SessionClient extends BuilderClient {
  session: SessionCore
  capture: SiteCapture | null
}

type Method = (this: unknown, ...args: unknown[]) => unknown

const capturesByBuilder = new WeakMap<object, SiteCapture>()
const READING = new Set(['select', 'first', 'pluck'])
const basesByKnex = new WeakMap<object, object>()

/**
 * A client for one session: an object whose prototype is the engine's own client, so it costs well under a
 * microsecond where `knex.transaction()` builds a new knex of a hundred methods (measured at 200 µs).
 */
export function sessionClient(knex: Knex, session: SessionCore): SessionClient {
  const engineClient = knex.client as object
  let base = basesByKnex.get(engineClient)
  if (!base) basesByKnex.set(engineClient, (base = sessionBase(engineClient)))
  const client = Object.create(base) as SessionClient
  client.session = session
  client.capture = null
  return client
}

function sessionBase(engineClient: object): object {
  // The class's own methods: on the instance they may be shadowed by the watching of plain knex use, and a
  // session tells of its statements itself.
  const own = Object.getPrototypeOf(engineClient) as Record<string, Method>
  const { config } = engineClient as { config: Record<string, unknown> }
  return Object.assign(Object.create(engineClient) as object, {
    // Values of parameters would otherwise be written into the message of each database error.
    config: { ...config, compileSqlOnError: false },
    raw: own.raw,
    queryBuilder: own.queryBuilder,
    schemaBuilder: own.schemaBuilder,

    acquireConnection(this: SessionClient) {
      return Promise.resolve(new SessionConnection(this.session, this.capture))
    },

    // The session holds the connection, not the statement.
    releaseConnection() {
      return Promise.resolve()
    },

    runner(this: SessionClient, builder: object) {
      const runner = Reflect.apply(own.runner as Method, this, [builder]) as { client: SessionClient }
      const capture = capturesByBuilder.get(builder)
      if (capture) {
        runner.client = Object.create(this) as SessionClient
        runner.client.capture = capture
      }
      return runner
    },

    query(this: SessionClient, connection: SessionConnection, statement: { method?: string }) {
      connection.isBuilders = true
      connection.reads = READING.has(statement.method ?? '')
      return Reflect.apply(own.query as Method, this, [connection, statement])
    },

    _stream(
      this: SessionClient,
      connection: SessionConnection,
      statement: object,
      stream: object,
      options: unknown,
    ) {
      connection.outlet = stream
      return Reflect.apply(own._stream as Method, this, [connection, statement, stream, options])
    },

    transaction(this: SessionClient, ...args: unknown[]) {
      this.session.requireTransactions('knex.transaction()')
      // `transacting` makes knex send SAVEPOINT where it would send BEGIN.
      return Reflect.apply(own.transaction as Method, this, args)
    },
    transacting: true,
  })
}

/** Remembers the line that wrote a statement, where the session will want to tell it. */
export function markSite<B extends object>(builder: B, session: SessionCore): B {
  if (session.wantsSite) capturesByBuilder.set(builder, captureSite())
  return builder
}
