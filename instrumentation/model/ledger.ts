import type { Time } from './rows.ts'
import type { Request, Stretch } from './state.ts'

/**
 * What a request spent its time on. If several hold at one moment, the first in this order gets it: while anything
 * executes, the database works; while nothing does, something may wait; and so on. Last comes time in which the request
 * holds no connection and waits for none: the application's own.
 */
export const LEDGER_ENTRIES = [
  'executing',
  'waiting',
  'queued',
  'idle in transaction',
  'held idle',
  'application',
] as const

export type LedgerEntry = (typeof LEDGER_ENTRIES)[number]

/** In whole microseconds, so that the entries sum to `wall` exactly. */
export interface Ledger extends Readonly<Record<LedgerEntry, number>> {
  readonly wall: number
}

interface Edge {
  at: number
  entry: number
  step: 1 | -1
}

/**
 * Accounts for one request's time: the union of its intervals, with each moment counted once. `now` closes what is
 * open. Of statements that are only counted the sum is known, and the stretches of time in which they ran.
 */
export function ledgerOf(request: Request, now: Time): Ledger {
  const start = micros(request.startedAt)
  const end = Math.max(start, micros(request.endedAt ?? now))
  const edges: Edge[] = []
  const add = (entry: LedgerEntry, from: Time, to: Time | null) => {
    const a = Math.max(start, micros(from))
    const b = Math.min(end, micros(to ?? now))
    if (b <= a) return
    const rank = LEDGER_ENTRIES.indexOf(entry)
    edges.push({ at: a, entry: rank, step: 1 }, { at: b, entry: rank, step: -1 })
  }
  for (const s of request.statements) {
    add('executing', s.startedAt, s.endedAt)
    if (s.queuedMs > 0) add('queued', s.startedAt - s.queuedMs, s.startedAt)
  }
  for (const t of request.transactions) add('idle in transaction', t.startedAt, t.endedAt)
  for (const c of request.checkouts) {
    add('waiting', c.askedAt, c.acquiredAt ?? c.endedAt)
    if (c.acquiredAt !== null) add('held idle', c.acquiredAt, c.endedAt)
  }
  const stretches = request.stretches.filter(stretch => stretch.connection === null)
  return sweep(edges, start, end, stretches, now)
}

type Sums = number[]

function sweep(edges: Edge[], start: number, end: number, stretches: readonly Stretch[], now: Time): Ledger {
  edges.sort((a, b) => a.at - b.at)
  const open = LEDGER_ENTRIES.map(() => 0)
  const sums: Sums = LEDGER_ENTRIES.map(() => 0)
  const counted = stretches.map(({ from, until, busyMs }) => ({
    from: micros(from),
    to: micros(until ?? now),
    busy: micros(busyMs),
    within: LEDGER_ENTRIES.map(() => 0),
  }))
  let from = start
  const spend = (to: number) => {
    const first = open.findIndex(n => n > 0)
    const entry = first === -1 ? LEDGER_ENTRIES.length - 1 : first
    sums[entry]! += to - from
    for (const stretch of counted) {
      const overlap = Math.min(to, stretch.to) - Math.max(from, stretch.from)
      if (overlap > 0) stretch.within[entry]! += overlap
    }
    from = to
  }
  for (const edge of edges) {
    spend(edge.at)
    open[edge.entry]! += edge.step
  }
  spend(end)
  for (const { busy, within } of counted) moveToExecuting(sums, within, busy)
  const entries = Object.fromEntries(LEDGER_ENTRIES.map((entry, i) => [entry, sums[i]!]))
  return { ...(entries as Record<LedgerEntry, number>), wall: end - start }
}

/** Moves `busy` from what else happened within a stretch, each by its share. No time is made or lost. */
function moveToExecuting(sums: Sums, within: Sums, busy: number): void {
  let rest = within.reduce((sum, spent) => sum + spent, 0) - within[0]!
  let left = Math.min(busy, rest)
  for (let entry = 1; entry < within.length && rest > 0; entry++) {
    const spent = within[entry]!
    const moved = Math.round((left * spent) / rest)
    sums[entry]! -= moved
    sums[0]! += moved
    left -= moved
    rest -= spent
  }
}

const micros = (ms: number): number => Math.round(ms * 1000)
