import { duration } from '../../model/format.ts'
import { tablesOf } from '../../model/sql-tables.ts'
import type { Time } from '../../model/rows.ts'
import type { Engine, Request, Statement } from '../../model/state.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

/** From this distance on, a replica has most likely caught up. */
const LONG_MS = 10_000

interface Write {
  readonly statement: Statement
  readonly table: string
  /** When it was committed; null if it was not, or not yet. */
  readonly committedAt: Time | null
}

/** A request wrote a table on one engine, and read it on another soon after: the read may be stale. */
export const readAfterWrite: RequestRule = function* (request, _, __, { engines }) {
  if (request.kind === 'no context' || new Set(request.statements.map(s => s.engine)).size < 2) return
  const writes: Write[] = []
  const told = new Set<string>()
  for (const statement of request.statements) {
    const { id, engine, connection, session, site, text, startedAt, error } = statement
    const tables = tablesOf(text)
    for (const table of tables.reads) {
      const key = `${id.length > 0 ? (site ?? text) : ''} ${table}`
      const last = writes.findLast(
        write =>
          write.table === table &&
          write.statement.engine !== engine &&
          startedAt - write.statement.startedAt < LONG_MS &&
          maySeeTheSame(engines.get(write.statement.engine), engines.get(engine)),
      )
      if (!last || told.has(key)) continue
      told.add(key)
      const other = last.statement
      const from = last.committedAt !== null && last.committedAt <= startedAt ? last.committedAt : null
      yield finding('read after write', `${id} ${table}`, {
        severity: 'warn',
        since: startedAt,
        about: { engine, connection, statement: id, request: request.id, session: session ?? undefined },
        site,
        sentence: `${nameOf(request, request.id)} possibly read ${table} stale: on ${engine}${site ? `, at ${site}` : ''}, ${duration(startedAt - (from ?? other.startedAt))} after it had ${from === null ? 'written it, uncommitted,' : 'committed it'} on ${other.engine}${other.site ? ` (written at ${other.site})` : ''}.`,
        why: whyStale(engines.get(other.engine), engines.get(engine), from !== null),
      })
    }
    if (error === null)
      for (const table of tables.writes)
        writes.push({ statement, table, committedAt: committedAt(statement, request) })
  }
}

/** When what a statement wrote was there for others; null if it was not. */
function committedAt({ transaction, endedAt }: Statement, { transactions }: Request): Time | null {
  if (transaction === null) return endedAt
  const its = transactions.find(({ id }) => id === transaction)
  return its?.outcome === 'committed' ? its.endedAt : null
}

/** A replica has its primary's database by another address; the same name of a table elsewhere is another table. */
const maySeeTheSame = (one: Engine | undefined, other: Engine | undefined): boolean =>
  one?.database == null || other?.database == null || one.database === other.database

function whyStale(written: Engine | undefined, read: Engine | undefined, isCommitted: boolean): string {
  const isOne =
    written?.server != null && written.server === read?.server && written.database === read.database
  if (!isCommitted) return 'What is not committed is not seen on another connection.'
  return isOne
    ? 'Here both engines have one server, which shows what is committed at once; a replica may lag behind.'
    : 'A replica may lag behind. By the names of tables in the texts, so it is a guess.'
}
