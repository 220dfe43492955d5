import { groupBy } from '../../model/group-by.ts'
import { count } from '../../model/format.ts'
import { tablesOf } from '../../model/sql-tables.ts'
import type { Statement } from '../../model/state.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

/**
 * A request has a transaction open on an engine, and a statement of it runs on another connection of the same engine,
 * outside of any transaction: most often a forgotten `.transacting(trx)`.
 */
export const strayStatement: RequestRule = function* (request) {
  // Work outside of any request has many owners.
  if (request.kind === 'no context' || request.transactions.length === 0) return
  const stray = request.statements.flatMap(statement => {
    if (statement.transaction !== null || isControl(statement)) return []
    const around = request.transactions.find(
      ({ engine, connection, startedAt, endedAt }) =>
        engine === statement.engine &&
        connection !== statement.connection &&
        startedAt < statement.startedAt &&
        (endedAt ?? Infinity) > statement.startedAt,
    )
    return around ? [{ statement, transaction: around.id }] : []
  })
  const keyOf = ({ statement: { site, text }, transaction }: (typeof stray)[number]) =>
    `${transaction} ${site ?? text}`
  for (const [key, all] of groupBy(stray, keyOf)) {
    const { statement: first, transaction } = all[0]!
    const { id, engine, connection, session, site, text, startedAt } = first
    const { verb, reads, writes } = tablesOf(text)
    const table = [...writes, ...reads][0]
    const what = `${verb ?? 'A statement'}${table ? ` of ${table}` : ''}`
    const times = all.length === 1 ? '' : ` (${count(all.length, 'time')})`
    yield finding('stray statement', key, {
      severity: 'warn',
      since: startedAt,
      lastSeen: all.at(-1)!.statement.startedAt,
      about: {
        engine,
        connection,
        statement: id,
        request: request.id,
        transaction,
        session: session ?? undefined,
      },
      site,
      sentence: `${what} of ${nameOf(request, request.id)} ran outside of its open transaction on ${engine}${site ? `, at ${site}` : ''}${times}.`,
      why: 'It used another connection: it saw nothing that the transaction had written, and is not undone with it.',
    })
  }
}

/** What opens, ends or sets something up is no work that belongs into a transaction. */
const CONTROL = new Set(
  'BEGIN,START,COMMIT,ROLLBACK,END,ABORT,SAVEPOINT,RELEASE,SET,RESET,SHOW,LISTEN,UNLISTEN,NOTIFY,PREPARE,DEALLOCATE,DISCARD'.split(
    ',',
  ),
)
const isControl = ({ text }: Statement): boolean => CONTROL.has(tablesOf(text).verb ?? 'SET')
