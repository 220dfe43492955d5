import { createRequire } from 'node:module'
import type { Readable } from 'node:stream'
import type { Knex } from 'knex'
import { EnginelightError } from '../errors.ts'
import { captureSite } from '../identity/site.ts'
import { boundKnex } from './bound-knex.ts'
import { coreOfRow } from './row-sessions.ts'
import { runSavepoint } from './savepoints.ts'
import type { SessionCore } from './session.ts'
import { markSite, sessionClient, type BuilderClient } from './session-client.ts'
import type { Session, SessionInfo, SessionMembers } from './session-types.ts'

/** The session behind a public session function, and what is made for it on demand. */
interface Inside {
  readonly core: SessionCore
  readonly client: BuilderClient
  readonly info: SessionInfo
  readonly graceMs: number
  knex: Knex | undefined
}

const insides = new WeakMap<object, Inside>()
const functions = new WeakMap<SessionCore, Session>()

function insideOf(session: object): Inside {
  const inside = session && insides.get(session)
  if (inside) return inside
  throw new EnginelightError(
    'EL_CONFIG',
    "A session's method was called without its session: write db.writer.commit(), not const { commit } = db.writer.",
  )
}

/** Makes the function that users call as `db.writer('groups')`, with everything that hangs on it. */
export function sessionFunction(core: SessionCore, info: SessionInfo, graceMs: number): Session {
  const client = sessionClient(core.engine.knex, core)
  const session = ((table: string) =>
    markSite(client.queryBuilder().table(table), core)) as unknown as Session
  Object.setPrototypeOf(session, members)
  insides.set(session, { core, client, info, graceMs, knex: undefined })
  functions.set(core, session)
  return session
}

/** The session that read a row, for an engine with `traceRows`; undefined when it was another or is long gone. */
export function sessionOf(row: object): Session | undefined {
  const core = coreOfRow(row)
  return core && functions.get(core)
}

const load = createRequire(import.meta.url)

/** Shared by all sessions: a session function has it as its prototype, so making one allocates no methods. */
const members: SessionMembers = Object.create(Function.prototype, {
  ...Object.getOwnPropertyDescriptors({
    get knex(): Knex {
      const inside = insideOf(this)
      return (inside.knex ??= boundKnex(inside.core))
    },
    get schema(): Knex.SchemaBuilder {
      const { client, core } = insideOf(this)
      return markSite(client.schemaBuilder(), core)
    },
    get fn(): Knex.FunctionHelper {
      return insideOf(this).core.engine.knex.fn
    },
    raw(this: object, sql: string, ...bindings: unknown[]): Knex.Raw {
      const { client, core } = insideOf(this)
      return markSite(client.raw(sql, ...bindings), core)
    },
    ref(this: object, name: string) {
      return insideOf(this).client.ref(name)
    },
    query(this: object, text: string, values?: readonly unknown[]) {
      if (typeof text !== 'string' || (values !== undefined && !Array.isArray(values))) {
        return Promise.reject(
          new EnginelightError('EL_CONFIG', 'query() takes a text and an array of values for $1, $2 ….', {
            option: 'query',
          }),
        )
      }
      const { core } = insideOf(this)
      return core.query(values ? { text, values } : text, core.wantsSite ? captureSite() : null)
    },
    stream(this: object, source: unknown, values?: readonly unknown[]): Readable {
      const { core } = insideOf(this)
      if (typeof source !== 'string') return (source as { stream(): Readable }).stream()
      const QueryStream = loadQueryStream()
      const stream = new QueryStream(source, values ? [...values] : [])
      core.submit(stream as never, captureSite())
      return stream
    },
    savepoint<T>(this: object, fn: () => Promise<T> | T) {
      return runSavepoint(insideOf(this).core, fn)
    },
    commit(this: object) {
      return insideOf(this).core.commit()
    },
    rollback(this: object) {
      return insideOf(this).core.rollback()
    },
    release(this: object) {
      return insideOf(this).core.release()
    },
    get state() {
      return insideOf(this).core.state
    },
    get info() {
      return insideOf(this).info
    },
    get identity() {
      return insideOf(this).core.identity
    },
    async [Symbol.asyncDispose](this: object) {
      const { core, graceMs } = insideOf(this)
      await core.end(graceMs)
    },
  }),
}) as SessionMembers

function loadQueryStream(): new (text: string, values: unknown[]) => Readable {
  try {
    return load('pg-query-stream') as ReturnType<typeof loadQueryStream>
  } catch (cause) {
    throw new EnginelightError(
      'EL_MISSING_PEER',
      'stream() needs the package pg-query-stream: npm install pg-query-stream.',
      { cause },
    )
  }
}
