import { duration } from '../model/format.ts'
import type { Finding, FindingKind } from '../model/finding.ts'
import type { Ledger, LedgerEntry } from '../model/ledger.ts'
import type { Request } from '../model/state.ts'
import { SIMILAR_FROM } from './thresholds.ts'
import { sayMost } from './repetition/say.ts'

/** What says more about a request than where its time went; what comes first says the most. */
const TROUBLES: readonly FindingKind[] = [
  'check-out failed',
  'lied commit',
  'leak',
  'outlived',
  'client aborted',
  'commit forgotten',
  'connection lost',
  'transaction failed',
  'statement failed',
]

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
  return whereTimeWent(request, ledger, stalledMs)
}

function whereTimeWent(request: Request, ledger: Ledger, stalledMs: number): string {
  if (request.checkouts.length === 0) return 'It never took a connection.'
  const stalled = stalledMs * 1000
  if (stalled > ledger.wall / 2)
    return `The event loop stood still for ${duration(stalledMs)}, more than half of this request.`
  const repeated = sayMost(request, SIMILAR_FROM, ledger.wall / 3000)
  if (repeated) return repeated
  for (const [entry, sentence] of SENTENCES) {
    // While the loop stood still, something was waiting or open, and is not to blame for it.
    if (ledger[entry] - stalled > ledger.wall / 2) return sentence
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
