import type { Knex } from 'knex'
import type { SiteCapture } from '../identity/site.ts'
import type { DriverResult } from '../dialect/result.ts'
import { SessionConnection } from './session-connection.ts'
import type { SessionCore } from './session.ts'
import type { Unit } from './units/unit.ts'

/** What is used of a knex client: it makes builders and runs them. */
export interface BuilderClient {
  queryBuilder(): Knex.QueryBuilder
  raw(...args: unknown[]): Knex.Raw
  schemaBuilder(): Knex.SchemaBuilder
  ref(name: string): Knex.Ref<string, Record<string, string>>
}

export interface SessionClient extends BuilderClient {
  readonly session: SessionCore
  readonly capture: SiteCapture | null
  /** The unit whose handle made the client. */
  readonly unit: Unit | undefined
  /** Whether the events of this knex have a listener. */
  isHeard(): boolean
  // The following methods are the dialect's own.
  prepBindings(bindings: unknown[]): unknown[]
  positionBindings(sql: string): string
  _query(connection: SessionConnection, query: object): Promise<{ response?: DriverResult }>
  processResponse(answered: object, runner: object): unknown
  postProcessResponse(response: unknown, queryContext: unknown): unknown
}

/** What is used of a builder that knex has compiled. */
interface CompiledQuery {
  method?: string
  sql: string
  bindings: unknown[]
  timeout?: unknown
  output?: unknown
  statementsProducer?: unknown
  queryContext?: unknown
}

interface Builder {
  toSQL(): CompiledQuery | CompiledQuery[]
  queryContext?(): unknown
  readonly _connection?: unknown
  readonly _debug?: unknown
  /** A field of Node's EventEmitter: how many kinds of events have a listener. */
  readonly _eventsCount?: number
}

/** Knex's own Runner, for everything out of the ordinary. */
export interface Runner {
  run(): Promise<unknown>
  stream(...args: unknown[]): unknown
  pipe(...args: unknown[]): unknown
}

/**
 * Runs a builder on its session. Knex's own runner acquires and releases a connection and emits five events for each
 * statement: a dozen promises that a session does not need. The ordinary case (one statement, no listener on the
 * builder or the knex, no timeout of knex's) takes the same steps of the dialect without them. Everything else is left
 * to knex.
 */
export class BuilderRunner implements Runner {
  readonly #client: SessionClient
  readonly #builder: Builder
  readonly #makeRunner: () => Runner

  constructor(client: SessionClient, builder: Builder, makeRunner: () => Runner) {
    this.#client = client
    this.#builder = builder
    this.#makeRunner = makeRunner
  }

  stream(...args: unknown[]): unknown {
    return this.#makeRunner().stream(...args)
  }

  pipe(...args: unknown[]): unknown {
    return this.#makeRunner().pipe(...args)
  }

  run(): Promise<unknown> {
    const builder = this.#builder
    const client = this.#client
    const isHeard = builder._eventsCount !== 0 || client.isHeard()
    if (isHeard || builder._connection || builder._debug) return this.#makeRunner().run()
    let query: CompiledQuery | CompiledQuery[]
    try {
      query = builder.toSQL()
    } catch (error) {
      return Promise.reject(error as Error)
    }
    if (Array.isArray(query) || !query.sql || query.timeout || query.output || query.statementsProducer)
      return this.#makeRunner().run()
    return this.#send(query, builder.queryContext?.())
  }

  async #send(query: CompiledQuery, queryContext: unknown): Promise<unknown> {
    const client = this.#client
    query.queryContext = queryContext
    query.bindings = client.prepBindings(query.bindings)
    query.sql = client.positionBindings(query.sql)
    const connection = new SessionConnection(client.session, client.capture, client.unit)
    connection.sentByBuilder(query.method)
    let answered: { response?: DriverResult }
    try {
      answered = await client._query(connection, query)
    } catch (error) {
      // As knex does when the message must not include values.
      if (error instanceof Error) error.message = `${query.sql} - ${error.message}`
      throw error
    }
    return client.postProcessResponse(client.processResponse(answered, this), queryContext)
  }
}
