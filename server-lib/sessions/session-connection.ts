import { AsyncResource } from 'node:async_hooks'
import type { DriverCallback } from '../dialect/result.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { Where } from './session-queue.ts'
import type { SessionCore } from './session.ts'
import type { Unit } from './units/unit.ts'

/** Knex's names for builder methods that make exactly one statement. */
const SINGLE = new Set(['select', 'first', 'pluck', 'insert', 'update', 'del', 'counter'])

/**
 * The connection that knex sees while it runs one statement of a session. Everything it sends goes through the
 * session's queue. So a stream that releases twice, or a builder that runs late, cannot reach another holder's
 * connection.
 */
export class SessionConnection {
  readonly #session: SessionCore
  readonly #capture: SiteCapture | null
  /** The unit whose handle sends. */
  readonly #where: Where | undefined
  /** Whether a builder made exactly one statement: BEGIN may then be pipelined with it. */
  #isSingle = false
  /** Whether a builder of the session sends, as opposed to code that took the connection itself. */
  #isBuilders = false
  /** The stream that knex pipes into, and that the application holds. */
  outlet: object | undefined
  /** Whether its statement is at the server, as opposed to not sent yet or answered. */
  isSent = false
  /** Set by knex when `.timeout(ms)` passes: the statement still runs, so the connection must not be reused. */
  #disposed: unknown

  constructor(session: SessionCore, capture: SiteCapture | null, unit?: Unit) {
    this.#session = session
    this.#capture = capture
    this.#where = unit && { unit }
  }

  /** Marks that a builder of the session sends. Knex's name for its method tells whether it is a single statement. */
  sentByBuilder(method: string | undefined): void {
    this.#isBuilders = true
    this.#isSingle = SINGLE.has(method ?? '')
  }

  query(config: unknown, values?: unknown, callback?: DriverCallback): unknown {
    if (this.#session.engine.dialect.streams.is(config)) {
      this.#session.submit({
        stream: config,
        capture: this.#capture,
        outlet: this.outlet,
        where: this.#where,
      })
      return config
    }
    const given = typeof values === 'function' ? (values as DriverCallback) : callback
    const statement = Array.isArray(values) ? { text: config as string, values } : config
    if (given) {
      // Knex's callback only settles a promise. Any other would run in the context that opened the socket.
      const answer = this.#isBuilders ? given : AsyncResource.bind(given)
      return this.#session.send(
        {
          config: statement,
          capture: this.#capture,
          isSingle: this.#isSingle,
          sender: this,
          where: this.#where,
        },
        answer,
      )
    }
    return this.#session.query(statement, this.#capture, this.#where)
  }

  get session(): SessionCore {
    return this.#session
  }

  get processID(): number | undefined {
    return this.#session.identity?.backendPid ?? undefined
  }

  get __knexUid(): string | undefined {
    return this.#session.identity?.connection
  }

  get gaveUp(): boolean {
    return this.#disposed !== undefined
  }

  get __knex__disposed(): unknown {
    return this.#disposed
  }

  set __knex__disposed(reason: unknown) {
    this.#disposed = reason
    // An unsent statement stays unsent; meanwhile the connection may be running another one.
    if (this.isSent) this.#session.doubt(reason)
  }
}
