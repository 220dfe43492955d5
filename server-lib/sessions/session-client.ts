import type { Knex } from 'knex'
import { databaseOfClient } from '../engines/database.ts'
import type { SiteCapture } from '../identity/site.ts'
import { BuilderRunner, type Runner, type SessionClient } from './builder-runner.ts'
import { SessionConnection } from './session-connection.ts'
import type { SessionCore } from './session.ts'
import type { Unit } from './units/unit.ts'

/** The constructor of clients for one statement each, with the line that wrote it where that is worth capturing. */
export type MakeClient = new (session: SessionCore, capture: SiteCapture | null, unit?: Unit) => SessionClient

type Method = (this: unknown, ...args: unknown[]) => unknown

const makersByClient = new WeakMap<object, MakeClient>()

/**
 * The class of session clients for one knex. Their prototype descends from the engine's own client, so one costs some
 * nanoseconds; `knex.transaction()` builds a new knex of a hundred methods (measured at 200 µs). A client must not be
 * the prototype of another: V8 would give each a shape of its own, and everything in knex that touches it would slow
 * down.
 */
export function sessionClients(knex: Knex): MakeClient {
  const engineClient = knex.client as object
  let maker = makersByClient.get(engineClient)
  if (!maker) makersByClient.set(engineClient, (maker = defineClients(knex)))
  return maker
}

function defineClients(knex: Knex): MakeClient {
  function SessionClient(
    this: Record<string, unknown>,
    session: SessionCore,
    capture: SiteCapture | null,
    unit?: Unit,
  ) {
    this.session = session
    this.capture = capture
    this.unit = unit
  }
  SessionClient.prototype = sessionBase(knex)
  return SessionClient as unknown as MakeClient
}

function sessionBase(knex: Knex): object {
  const engineClient = knex.client as object
  // The class's methods, because on the instance the watching of plain knex use may shadow them. A session reports its
  // statements itself.
  const own = Object.getPrototypeOf(engineClient) as Record<string, Method>
  const { config } = engineClient as { config: Record<string, unknown> }
  const { knexMethods } = databaseOfClient('', engineClient) ?? {}
  return Object.assign(Object.create(engineClient) as object, knexMethods, {
    // Otherwise knex writes parameter values into the message of each database error.
    config: { ...config, compileSqlOnError: false },
    raw: own.raw,
    queryBuilder: own.queryBuilder,
    schemaBuilder: own.schemaBuilder,
    isHeard: () => isHeard(knex),
    runner: isStock(own)
      ? function runner(this: SessionClient, builder: object): Runner {
          return new BuilderRunner(
            this,
            builder as never,
            () => Reflect.apply(own.runner as Method, this, [builder]) as Runner,
          )
        }
      : own.runner,

    acquireConnection(this: SessionClient) {
      return Promise.resolve(new SessionConnection(this.session, this.capture, this.unit))
    },

    // The session holds the connection, not the statement.
    releaseConnection() {
      return Promise.resolve()
    },

    query(this: SessionClient, connection: SessionConnection, statement: { method?: string }) {
      connection.sentByBuilder(statement.method)
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

const EVENTS = ['start', 'query', 'query-response', 'query-error'] as const

/** Knex itself has one listener on its client for each event, to pass it on. */
function isHeard(knex: Knex): boolean {
  const client = knex.client as NodeJS.EventEmitter
  const face = knex as unknown as NodeJS.EventEmitter
  return EVENTS.some(event => face.listenerCount(event) > 0 || client.listenerCount(event) > 1)
}

/**
 * Whether a dialect runs its statements as knex does. An application's class can do it its own way. An instrumentation
 * that has wrapped knex's runner (shimmer leaves `__wrapped` on it) must go on seeing every statement.
 */
function isStock(own: Record<string, Method>): boolean {
  const ownerOf = (method: string) => {
    let prototype: object | null = own
    while (prototype && !Object.hasOwn(prototype, method))
      prototype = Object.getPrototypeOf(prototype) as object | null
    return prototype
  }
  const base = ownerOf('raw')
  const methods = ['runner', 'query', 'acquireConnection', 'postProcessResponse']
  const runner = Reflect.apply(own.runner as Method, own, [{}]) as Record<string, unknown>
  const isWrapped = (method: unknown) => typeof method === 'function' && '__wrapped' in method
  return (
    methods.every(method => ownerOf(method) === base) &&
    !isWrapped(runner.run) &&
    !isWrapped(runner.query) &&
    !isWrapped(own.query) &&
    !/knex/.test(process.env.DEBUG ?? '')
  )
}
