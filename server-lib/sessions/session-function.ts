import type { Readable } from 'node:stream'
import type { Knex } from 'knex'
import { describe } from '../channels/describe.ts'
import { EnginelightError } from '../channels/errors.ts'
import { INSPECT, shown, type InspectArguments } from '../identity/inspected.ts'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { boundKnex } from './bound-knex.ts'
import { readerOf } from './row-sessions.ts'
import { controlIn } from './control-texts.ts'
import { runSavepoint } from './units/savepoint.ts'
import type { Unit } from './units/unit.ts'
import * as errors from './session-errors.ts'
import { shownOf } from './shown-session.ts'
import type { SessionCore } from './session.ts'
import type { ContainerInfo } from '../requests/container-info.ts'
import type { BuilderClient } from './builder-runner.ts'
import { sessionClients, type MakeClient } from './session-client.ts'
import type { Session, SessionInfo, SessionMembers } from './session-types.ts'

/** What is behind a public session function: its session, and objects made on demand. */
interface Inside {
  readonly core: SessionCore
  readonly requestInfo: ContainerInfo
  readonly graceMs: number
  /** The unit that the function is the handle of. */
  readonly unit: Unit | undefined
  clients: MakeClient | undefined
  info: SessionInfo | undefined
  knex: Knex | undefined
}

/** An object that a base constructor returns becomes `this` in the derived class. */
class Given {
  constructor(object: object) {
    // oxlint-disable-next-line no-constructor-return
    return object
  }
}

/** Puts a private field on the function that users hold. A WeakMap of all sessions would slow down each garbage collection. */
class Insides extends Given {
  readonly #inside: Inside

  constructor(session: object, inside: Inside) {
    super(session)
    this.#inside = inside
  }

  static sessionCoreOf(session: unknown): SessionCore | undefined {
    return typeof session === 'function' && #inside in session ? session.#inside.core : undefined
  }

  static of(session: unknown): Inside {
    if (typeof session === 'function' && #inside in session) return session.#inside
    throw new EnginelightError(
      'EL_CONFIG',
      "A session's method was called without its session: write db.writer.commit(), not const { commit } = db.writer.",
    )
  }
}

/** The session behind a public session function; undefined for anything else. */
export const sessionCoreOf = (session: unknown): SessionCore | undefined => Insides.sessionCoreOf(session)

const insideOf = (session: unknown): Inside => Insides.of(session)

/** The public functions of sessions with `traceRows`. */
const functions = new WeakMap<SessionCore, Session>()

/**
 * The application's line, where the session will report it, as for a text that ends the transaction or writes. Each
 * frame costs, so without an observer of lines only a few are captured: enough for an error to name a holder.
 */
function lineFor(core: SessionCore, below: Callable, text?: unknown): SiteCapture | null {
  if (!core.wantsSite && !core.wantsWriteOf(text) && !controlIn(core.engine.dialect.reading, text))
    return null
  return captureSite(sitesAreWanted() ? 20 : 4, below)
}

/**
 * Why a session may not end its transaction itself: a transactional engine's belongs to the container, a borrowed one's
 * to the host.
 */
function refusedEnd({ core }: Inside, move: 'commit' | 'rollback' | 'release'): Promise<never> | undefined {
  if (core.engine.options.rule.ends === 'host' && move !== 'release')
    return Promise.reject(errors.hostEnds(core, move))
  return core.engine.options.transactional ? Promise.reject(errors.containerEnds(core, move)) : undefined
}

/** The line that ends a transaction, if an observer reads lines. */
export function lineOfEnd(): SiteCapture | null {
  return sitesAreWanted() ? captureSite() : null
}

type Callable = (...args: any[]) => unknown

/** A client for one statement. */
function clientFor(inside: Inside, below: Callable, text?: unknown): BuilderClient {
  const { core } = inside
  inside.clients ??= sessionClients(core.engine.knex)
  return new inside.clients(core, lineFor(core, below, text), inside.unit)
}

/** Makes the function that users call as `db.writer('groups')`, with its members. */
export function sessionFunction(
  core: SessionCore,
  requestInfo: ContainerInfo,
  graceMs: number,
  unit?: Unit,
): Session {
  const inside: Inside = {
    core,
    requestInfo,
    graceMs,
    unit,
    clients: undefined,
    info: undefined,
    knex: undefined,
  }
  const called = (table: string) => clientFor(inside, called).queryBuilder().table(table)
  Object.setPrototypeOf(called, members)
  const session = new Insides(called, inside) as unknown as Session
  if (core.engine.options.traceRows && !unit) functions.set(core, session)
  return session
}

/** The session that read a row, on an engine with `traceRows`; undefined for other rows, or when the session is long gone. */
export function sessionOf(row: object): Session | undefined {
  const core = readerOf(row) as SessionCore | undefined
  return core && functions.get(core)
}

/** The prototype of all session functions, so making one allocates no methods. */
const members: SessionMembers = Object.create(Function.prototype, {
  ...Object.getOwnPropertyDescriptors({
    get knex(): Knex {
      const inside = insideOf(this)
      return (inside.knex ??= boundKnex(inside.core, inside.unit))
    },
    get schema(): Knex.SchemaBuilder {
      return clientFor(insideOf(this), clientFor).schemaBuilder()
    },
    get fn(): Knex.FunctionHelper {
      return insideOf(this).core.engine.knex.fn
    },
    raw(this: object, sql: string, ...bindings: unknown[]): Knex.Raw {
      return clientFor(insideOf(this), clientFor, sql).raw(sql, ...bindings)
    },
    ref(this: object, name: string) {
      const { core } = insideOf(this)
      return new (sessionClients(core.engine.knex))(core, null).ref(name)
    },
    query(this: object, text: string, values?: readonly unknown[]) {
      if (typeof text !== 'string' || (values !== undefined && !Array.isArray(values))) {
        return Promise.reject(
          new EnginelightError('EL_CONFIG', 'query() takes a text and an array of values for $1, $2 ….', {
            option: 'query',
          }),
        )
      }
      const { core, unit } = insideOf(this)
      const statement = values ? { text, values } : text
      return core.query(statement, lineFor(core, members.query as Callable, text), unit && { unit })
    },
    stream(this: object, source: unknown, values?: readonly unknown[]): Readable {
      const { core, unit } = insideOf(this)
      if (typeof source !== 'string') {
        const { stream } = (source ?? {}) as { stream?: unknown }
        if (typeof stream === 'function') return Reflect.apply(stream, source, []) as Readable
        throw new EnginelightError(
          'EL_CONFIG',
          `stream() takes a text with its values, or a builder of the session, and not ${describe(source)}.`,
          { option: 'stream' },
        )
      }
      if (values !== undefined && !Array.isArray(values)) {
        throw new EnginelightError(
          'EL_CONFIG',
          `stream() takes its values as an array, not ${describe(values)}.`,
          { option: 'stream' },
        )
      }
      const { open } = core.engine.dialect.streams
      if (!open) throw errors.noStreams(core)
      const stream = open(source, values ? [...values] : [])
      core.submit({ stream, capture: captureSite(), where: unit && { unit } })
      return stream
    },
    savepoint<T>(this: object, fn: (session: Session) => Promise<T> | T) {
      if (typeof fn !== 'function') return Promise.reject(noFunction(fn))
      const { core, requestInfo, graceMs, unit } = insideOf(this)
      return runSavepoint(core, inner => fn(sessionFunction(core, requestInfo, graceMs, inner)), unit)
    },
    commit(this: object) {
      const inside = insideOf(this)
      return refusedEnd(inside, 'commit') ?? inside.core.commit(lineOfEnd())
    },
    rollback(this: object) {
      const inside = insideOf(this)
      return refusedEnd(inside, 'rollback') ?? inside.core.rollback({ why: 'rollback', capture: lineOfEnd() })
    },
    release(this: object) {
      const inside = insideOf(this)
      return refusedEnd(inside, 'release') ?? inside.core.release(lineOfEnd())
    },
    get state() {
      return insideOf(this).core.state
    },
    get info() {
      const inside = insideOf(this)
      return (inside.info ??= { ...inside.requestInfo, engine: inside.core.engine.name })
    },
    get identity() {
      return insideOf(this).core.identity
    },
    [INSPECT](this: object, ...[, options, inspect]: InspectArguments) {
      const core = sessionCoreOf(this)
      // This prototype itself is no session.
      return core ? shown('Session', shownOf(core), options, inspect) : 'Session {}'
    },
    toJSON(this: object) {
      const core = sessionCoreOf(this)
      return core && shownOf(core)
    },
    async [Symbol.asyncDispose](this: object) {
      const { core, graceMs } = insideOf(this)
      await core.end(graceMs)
    },
  }),
}) as SessionMembers

export const noFunction = (value: unknown) =>
  new EnginelightError('EL_CONFIG', `savepoint() takes a function, not ${describe(value)}.`, {
    option: 'savepoint',
  })
