import { EnginelightError } from '../../channels/errors.ts'
import { SessionConnection } from '../../sessions/session-connection.ts'
import { sessionCoreOf } from '../../sessions/session-function.ts'
import type { SessionCore } from '../../sessions/session.ts'
import type { SessionMembers } from '../../sessions/session-types.ts'

/** A text with `$1`, `$2` …, and the session that runs it. */
export interface TextQuery {
  readonly session: Pick<SessionMembers, 'query'>
  readonly text: string
  readonly values?: readonly unknown[]
}

/** A builder or raw of a session: `db.reader('t').select()`, `db.reader.raw('…')`, one of `db.reader.knex`. */
export interface BuilderQuery {
  toSQL(): unknown
}

export type ArrowQuery = TextQuery | BuilderQuery

/** What is to run, and the session whose queue it joins. */
export interface Prepared {
  readonly text: string
  readonly values: readonly unknown[]
  /** A promise for a builder of `session.knex`, whose session is found through knex. */
  core(): SessionCore | Promise<SessionCore>
}

interface KnexClient {
  readonly session?: SessionCore
  acquireConnection(): Promise<unknown>
  releaseConnection(connection: unknown): Promise<unknown>
}

/** Throws EL_CONFIG for anything but a query of a session, before anything is sent. */
export function prepare(query: ArrowQuery): Prepared {
  if (typeof query !== 'object' && typeof query !== 'function') throw noQuery()
  if (query === null) throw noQuery()
  if ('text' in query) return ofText(query)
  if (typeof (query as Partial<BuilderQuery>).toSQL !== 'function') throw noQuery()
  return ofBuilder(query)
}

function ofText({ session, text, values = [] }: TextQuery): Prepared {
  const core = sessionCoreOf(session)
  if (!core || typeof text !== 'string' || !Array.isArray(values)) throw noQuery()
  return { text, values: checkedValues(values), core: () => core }
}

function ofBuilder(builder: BuilderQuery): Prepared {
  const compiled = builder.toSQL()
  const native = (compiled as { toNative?(): { sql: string; bindings: readonly unknown[] } }).toNative?.()
  if (!native?.sql) throw noQuery()
  // knex's types have it for builders and not for raws.
  const { client } = builder as unknown as { client: KnexClient }
  return {
    text: native.sql,
    values: checkedValues(native.bindings),
    core: () => client.session ?? coreBehind(client),
  }
}

/** The session of a builder made by `session.knex`, or by a transaction in it. */
async function coreBehind(client: KnexClient): Promise<SessionCore> {
  const connection = await client.acquireConnection()
  await client.releaseConnection(connection)
  if (connection instanceof SessionConnection) return connection.session
  throw new EnginelightError(
    'EL_CONFIG',
    'toArrow() runs the builders of a session: db.reader("t"), where this one belongs to a knex of its own.',
    { option: 'query' },
  )
}

/** The protocol counts them in 16 bits. */
const MAX_VALUES = 65_535

function checkedValues(values: readonly unknown[]): readonly unknown[] {
  if (values.length > MAX_VALUES) {
    throw new EnginelightError(
      'EL_CONFIG',
      `The statement has ${values.length} values, and PostgreSQL takes ${MAX_VALUES}: pass them as one array, for = any($1) or unnest($1).`,
      { option: 'query' },
    )
  }
  return values
}

const noQuery = () =>
  new EnginelightError(
    'EL_CONFIG',
    'toArrow() takes one statement of a session: a builder, a raw, or { session, text, values }.',
    { option: 'query' },
  )
