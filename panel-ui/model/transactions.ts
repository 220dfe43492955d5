import { age, count } from '../../instrumentation/model/format.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import type { Fate } from '../../instrumentation/model/fate.ts'
import { tellOf, type Told } from '../../instrumentation/findings/tell-transaction.ts'
import type { PanelState, Transaction } from '../../instrumentation/model/state.ts'

export interface Transactions {
  /** Oldest first. */
  readonly open: readonly Told[]
  /** Newest first. */
  readonly ended: readonly Told[]
}

const LISTED = 2_000

/** Every transaction that the page knows. */
export function transactionsOf(state: PanelState): Transactions {
  const open = [...state.transactions.values()].sort((a, b) => a.startedAt - b.startedAt)
  const ended: Transaction[] = []
  for (const request of state.requests.values())
    for (const transaction of request.transactions) if (transaction.endedAt !== null) ended.push(transaction)
  ended.sort((a, b) => b.endedAt! - a.endedAt!)
  const tell = (transaction: Transaction) => tellOf(state, transaction)
  return { open: open.map(tell), ended: ended.slice(0, LISTED).map(tell) }
}

const NOT_KEPT = new Set<Fate>(['rolled back', 'refused', 'lied', 'lost'])

/** The view in one sentence. Where no server could be asked, it does not claim that there is nothing. */
export function sentenceOf(
  { open, ended }: Transactions,
  inDoubt: number,
  isCertain: boolean,
  now: Time,
): string {
  const oldest = open[0]
  const lost = ended.filter(({ fate }) => NOT_KEPT.has(fate)).length
  const asked = ended.filter(({ fate }) => fate === 'lied' || fate === 'refused').length
  const parts = [
    oldest
      ? `${open.length} open, the oldest for ${age(now - oldest.transaction.startedAt).replace('just now', 'a moment')}.`
      : 'Nothing is open.',
    inDoubt > 0
      ? `${inDoubt} in doubt.`
      : isCertain
        ? 'Nothing is in doubt.'
        : 'Nothing is known to be in doubt.',
  ]
  if (ended.length > 0)
    parts.push(
      lost === 0
        ? `Of the last ${count(ended.length, 'transaction')} none was rolled back.`
        : `Of the last ${count(ended.length, 'transaction')} ${lost} did not commit${asked > 0 ? `, ${asked} of them although asked to` : ''}.`,
    )
  return parts.join(' ')
}

export interface EndingLine {
  readonly site: string
  readonly committed: number
  readonly lost: number
}

/** The lines at which transactions end, the most frequent first; lines with lost transactions come before. */
export function endingLines(ended: readonly Told[]): EndingLine[] {
  const lines = new Map<string, { site: string; committed: number; lost: number }>()
  for (const { site, fate } of ended) {
    if (site === null || (fate !== 'committed' && !NOT_KEPT.has(fate))) continue
    let line = lines.get(site)
    if (!line) lines.set(site, (line = { site, committed: 0, lost: 0 }))
    if (fate === 'committed') line.committed++
    else line.lost++
  }
  const weight = ({ lost, committed }: EndingLine) => (lost > 0 ? 1e6 : 0) + lost + committed
  return [...lines.values()].sort((a, b) => weight(b) - weight(a))
}
