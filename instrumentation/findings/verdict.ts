import { ago, count, duration } from '../model/format.ts'
import type { Ledger, LedgerEntry } from '../model/ledger.ts'
import type { Time } from '../model/rows.ts'
import { committedNothing, isLeaking, outlivedMs } from './outcome.ts'
import { groupsOf } from './similar.ts'
import type { Request } from '../model/state.ts'

/** One plain sentence on what a request spent its time on, or on what went wrong in it. */
export function verdictOf(request: Request, ledger: Ledger, now: Time): string {
  return trouble(request, now) ?? whereTimeWent(request, ledger)
}

function trouble(request: Request, now: Time): string | null {
  const failed = request.checkouts.find(c => c.state === 'failed')
  if (failed) {
    const waited = duration((failed.endedAt ?? failed.askedAt) - failed.askedAt)
    return `It waited ${waited} for a connection of ${failed.engine} and got none.`
  }
  if (committedNothing(request)) return 'Nothing was committed: the server answered COMMIT with ROLLBACK.'
  if (isLeaking(request, now)) {
    const held = request.checkouts.filter(c => c.state === 'held')
    const names = [...new Set(held.length > 0 ? held.map(c => c.engine) : request.unreleased)]
    const site = held.find(c => c.site !== null)?.site
    const what = names.length > 1 ? 'connections' : 'a connection'
    return `Leak: the request ended ${ago(now - (request.endedAt ?? now))} and still holds ${what} of ${names.join(' and ')}${site ? `, taken at ${site}` : ''}.`
  }
  const outlived = outlivedMs(request)
  if (outlived > 0) {
    const late = request.checkouts.findLast(c => (c.endedAt ?? 0) - (request.endedAt ?? 0) >= outlived)
    return `It gave its connection of ${late?.engine ?? 'an engine'} back ${duration(outlived)} after it had ended${late?.site ? `: taken at ${late.site}` : ''}.`
  }
  if (request.outcome === 'aborted') {
    return 'The client went away before the answer; its work was rolled back.'
  }
  const forgotten = request.transactions.find(t => t.ending?.why === 'commit forgotten')
  if (forgotten) {
    const where = forgotten.ending?.site ? `, at first at ${forgotten.ending.site},` : ''
    return `What it wrote on ${forgotten.engine}${where} was rolled back: it ended without commit().`
  }
  const lost = request.transactions.find(t => t.outcome === 'lost')
  if (lost) {
    const last = request.statements.findLast(s => s.connection === lost.connection)
    const why = last?.error ? ` with ${last.error.code ?? last.error.message}` : ''
    return `Its connection ${lost.connection} to ${lost.engine} was lost${why}${last?.site ? ` at ${last.site}` : ''}, and what it had done there with it.`
  }
  const broken = request.transactions.find(t => t.failed)
  if (broken) {
    const statement = request.statements.find(s => s.id === broken.failed?.statement)
    const where = statement?.site ? ` at ${statement.site}` : ''
    return `A statement failed with ${broken.failed?.code ?? 'an error'}${where}, and with it the whole transaction.`
  }
  const refused = request.statements.find(s => s.error !== null)
  if (refused && (request.outcome === 'failed' || (request.status ?? 0) >= 500)) {
    const where = refused.site ? ` at ${refused.site}` : ''
    return `A statement failed${where}: ${refused.error?.code ?? ''} ${refused.error?.message ?? ''}`
  }
  return null
}

function whereTimeWent(request: Request, ledger: Ledger): string {
  if (request.checkouts.length === 0) return 'It never took a connection.'
  const repeated = groupsOf(request.statements)[0]
  if (repeated && repeated.spentMs * 1000 > ledger.wall / 3) {
    return `${count(repeated.ids.length, 'similar statement')} from one line took ${duration(repeated.spentMs)}: fetch them at once.`
  }
  for (const [entry, sentence] of SENTENCES) {
    if (ledger[entry] > ledger.wall / 2) return sentence
  }
  return 'No single thing took more than half of this request.'
}

const SENTENCES: [LedgerEntry, string][] = [
  ['waiting', 'Waiting for a connection took more than half of this request.'],
  ['executing', 'The database was executing for more than half of this request.'],
  ['queued', 'Statements queued behind each other on one connection for more than half of this request.'],
  ['idle in transaction', 'A transaction sat open with nothing to do for more than half of this request.'],
  ['held idle', 'A connection was held and not used for more than half of this request.'],
  ['application', 'The application’s own code, holding no connection, took more than half of this request.'],
]
