import { AsyncResource } from 'node:async_hooks'
import { isSubmittable, type DriverCallback } from '../postgres/driver.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { Where } from './session-queue.ts'
import type { SessionCore } from './session.ts'
import type { Unit } from './units/unit.ts'

/** What knex calls the builders' methods that make one statement and no more. */
const SINGLE = new Set(['select', 'first', 'pluck', 'insert', 'update', 'del', 'counter'])

/**
 * What knex sees as its connection while it runs one statement of a session. Everything it sends goes through
 * the session's queue, so a stream that releases twice or a builder that runs late reaches nobody else's
 * connection: there is none to reach from here.
 */
export class SessionConnection {
  readonly #session: SessionCore
  readonly #capture: SiteCapture | null
  /** The unit whose handle sends. */
  readonly #where: Where | undefined
  /** Whether a builder made the statement, which is one then and no more: BEGIN may travel with it. */
  #isSingle = false
  /** Whether a builder of the session sends, and not somebody who took the connection by itself. */
  #isBuilders = false
  /** Where knex leads a stream to: what the application has in hand. */
  outlet: object | undefined
  /** Whether its statement is on its way to the server, or was not sent yet. */
  isSent = false
  /** knex marks a connection so after `.timeout(ms)`: its statement still runs, and nobody may use it again. */
  #disposed: unknown

  constructor(session: SessionCore, capture: SiteCapture | null, unit?: Unit) {
    this.#session = session
    this.#capture = capture
    this.#where = unit && { unit }
  }

  /** A builder of the session sends on it: what knex calls its method tells whether it is a single statement. */
  sentByBuilder(method: string | undefined): void {
    this.#isBuilders = true
    this.#isSingle = SINGLE.has(method ?? '')
  }

  query(config: unknown, values?: unknown, callback?: DriverCallback): unknown {
    if (isSubmittable(config)) {
      this.#session.submit(config, this.#capture, this.outlet, this.#where)
      return config
    }
    const given = typeof values === 'function' ? (values as DriverCallback) : callback
    const statement = Array.isArray(values) ? { text: config as string, values } : config
    if (given) {
      // knex only settles a promise in it. Anybody else's would run in the context that opened the socket.
      const answer = this.#isBuilders ? given : AsyncResource.bind(given)
      return this.#session.send(statement, answer, this.#capture, this.#isSingle, this, this.#where)
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
    // What has not been sent will not be; another's statement may be running meanwhile.
    if (this.isSent) this.#session.doubt(reason)
  }
}
