import { duration } from '../model/format.ts'
import { TROUBLES, type Finding } from '../model/finding.ts'
import type { Ledger, LedgerEntry } from '../model/ledger.ts'
import { tablesOf } from '../model/sql-tables.ts'
import type { Request } from '../model/state.ts'
import { SIMILAR_FROM } from './thresholds.ts'
import { sayMost } from './repetition/say.ts'

/**
 * One plain sentence on what went wrong in a request, by its findings, or on what it spent its time on. `stalledMs`: how
 * much of its time the event loop stood still.
 */
export function verdictOf(
  request: Request,
  ledger: Ledger,
  findings: readonly Finding[],
  stalledMs = 0,
): string {
  for (const kind of TROUBLES) {
    const trouble = findings.find(found => found.kind === kind)
    if (trouble) return trouble.sentence
  }
  return whereTimeWent(request, ledger, findings, stalledMs)
}

function whereTimeWent(
  request: Request,
  ledger: Ledger,
  findings: readonly Finding[],
  stalledMs: number,
): string {
  if (request.checkouts.length === 0) return 'It never took a connection.'
  const stalled = stalledMs * 1000
  if (stalled > ledger.wall / 2)
    return `The event loop stood still for ${duration(stalledMs)}, more than half of this request.`
  // They are of one line as well, and fetching them at once is what was tried.
  const queued = findings.find(({ kind }) => kind === 'queued')
  if (queued) return queued.sentence
  const repeated = sayMost(request, SIMILAR_FROM, ledger.wall / 3000)
  if (repeated) return repeated
  for (const [entry, sentence] of SENTENCES) {
    // While the loop stood still, something was waiting or open, and is not to blame for it.
    if (ledger[entry] - stalled > ledger.wall / 2)
      return typeof sentence === 'string' ? sentence : sentence(request, ledger)
  }
  return 'No single thing took more than half of this request.'
}

/** The server says no more than that a statement is not answered: it may be at work, or wait for a lock. */
function executing({ statements, startedAt }: Request, { wall }: Ledger): string {
  const end = startedAt + wall / 1000
  let longest = { ms: 0, text: '', site: null as string | null }
  for (const { startedAt: from, endedAt, text, site } of statements) {
    const ms = (endedAt ?? end) - from
    if (ms > longest.ms) longest = { ms, text, site }
  }
  const { ms, text, site } = longest
  if (ms * 2000 <= wall) return 'The database was executing for more than half of this request.'
  const { verb, reads, writes } = tablesOf(text)
  const table = [...writes, ...reads][0]
  const what = `${verb ?? 'A statement'}${table ? ` of ${table}` : ''}`
  return `${what}${site ? ` at ${site}` : ''} took ${duration(Math.min(ms, wall / 1000))}, more than half of this request: executing, or waiting for a lock.`
}

const SENTENCES: [LedgerEntry, string | ((request: Request, ledger: Ledger) => string)][] = [
  ['waiting', 'Waiting for a connection took more than half of this request.'],
  ['executing', executing],
  ['queued', 'Statements queued behind each other on one connection for more than half of this request.'],
  ['idle in transaction', 'A transaction sat open with nothing to do for more than half of this request.'],
  ['held idle', 'A connection was held and not used for more than half of this request.'],
  ['application', 'The application’s own code, holding no connection, took more than half of this request.'],
]
