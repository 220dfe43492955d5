import { tablesOf } from '../../model/sql-tables.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

const READ_ONLY = '25006'

/** A write was sent where only reads are allowed: to a reader, or in a transaction that only reads. */
export const writeRefused: RequestRule = function* (request, _, __, { engines }) {
  for (const {
    id,
    engine,
    connection,
    transaction,
    session,
    site,
    text,
    error,
    endedAt,
    startedAt,
  } of request.statements) {
    if (error?.code !== READ_ONLY) continue
    const { verb, writes } = tablesOf(text)
    const what = `${verb ?? 'A statement'}${writes.size > 0 ? ` of ${[...writes].join(', ')}` : ''}`
    const isReader = engines.get(engine)?.access === 'read'
    yield finding('write refused', id, {
      severity: 'bad',
      since: endedAt ?? startedAt,
      about: {
        engine,
        connection,
        statement: id,
        request: request.id,
        transaction: transaction ?? undefined,
        session: session ?? undefined,
      },
      site,
      sentence: `${nameOf(request, request.id)} tried to write on ${engine}${isReader ? ', which only reads' : ' in a transaction that only reads'}${site ? `, at ${site}` : ''}: ${what} was refused (${READ_ONLY}).`,
    })
  }
}
