import { fateOf, statementsOf, whyOf, wroteNothing } from '../../model/fate.ts'
import { count } from '../../model/format.ts'
import type { Transaction } from '../../model/state.ts'
import type { Severity } from '../../model/finding.ts'
import { finding, nameOf, type RequestRule } from '../rule.ts'

/** Something was written and rolled back, although no statement failed: why, and at which line. */
export const nothingCommitted: RequestRule = function* (request) {
  // That its client went away explains it.
  if (request.outcome === 'aborted') return
  for (const transaction of request.transactions) {
    const { id, engine, connection, session, failed, ending, endedAt, startedAt } = transaction
    if (failed || ending?.why === 'commit forgotten') continue
    if (fateOf(transaction, request, undefined, NONE) !== 'rolled back') continue
    const wrote = statementsOf(transaction, request).filter(statement => !wroteNothing([statement]))
    if (wrote.length === 0) continue
    const { why, site } = whyOf(transaction, request)
    yield finding('nothing committed', id, {
      severity: severityOf(transaction),
      since: endedAt ?? startedAt,
      about: { engine, connection, transaction: id, request: request.id, session: session ?? undefined },
      site,
      sentence: `${nameOf(request, request.id)} committed nothing on ${engine}: its ${count(wrote.length, 'write')} ${wrote.length === 1 ? 'was' : 'were'} rolled back${site ? ` at ${site}` : ''} (${why}).`,
    })
  }
}

/** What the application asked for, or had to expect, explains more than it warns. */
function severityOf({ ending, asked }: Transaction): Severity {
  switch (ending?.why) {
    case 'rollback':
    case 'handler failed':
    case 'doomed':
    case 'vetoed':
      return 'note'
    case undefined:
      return asked === 'rollback' ? 'note' : 'warn'
    default:
      return 'warn'
  }
}

const NONE = new Map<string, never>()
