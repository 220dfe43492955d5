import type { Time } from '../../instrumentation/model/rows.ts'
import { duration } from '../../instrumentation/model/format.ts'
import type { Span } from './span.ts'
import { waitSpans, type WaitSpan } from './wait-spans.ts'
import { wroteNothing } from '../../instrumentation/model/fate.ts'
import type { Checkout, Request, Statement, Transaction } from '../../instrumentation/model/state.ts'

/** One request on wall-clock time: a lane per connection, in milliseconds since its start. */
export interface Timeline {
  /** The axis ends here: after the response if something is still held. */
  readonly length: number
  /** When the response ended, or null while the request runs. */
  readonly responseAt: number | null
  readonly lanes: readonly TimelineLane[]
}

export interface TimelineLane {
  readonly key: string
  readonly engine: string
  readonly pool: string
  readonly connection: string | null
  readonly slot: number | null
  readonly backendPid: number | null
  readonly waits: readonly WaitSpan[]
  readonly holds: readonly Span[]
  readonly bars: readonly (Span & { statement: Statement })[]
  /** Times in which statements ran that are only counted. */
  readonly counted: readonly (Span & { total: number; busyMs: number })[]
  readonly queues: readonly Span[]
  readonly brackets: readonly (Span & { transaction: Transaction; failedFrom: number | null })[]
  readonly gaps: readonly (Span & {
    label: string
    state: 'held idle' | 'idle in transaction' | 'failed transaction'
  })[]
  /** Nothing was written, so a ROLLBACK at its end lost nothing. */
  readonly isReadOnly: boolean
}

/** A gap shorter than this, or than this share of the axis, gets no words. */
const GAP_FROM_MS = 1
const GAP_FROM_SHARE = 0.06

export function timelineOf(request: Request, now: Time): Timeline {
  const zero = request.startedAt
  const ends = [request.endedAt ?? now]
  for (const c of request.checkouts) ends.push(c.endedAt ?? now)
  for (const t of request.transactions) ends.push(t.endedAt ?? now)
  const length = Math.max(0.001, ...ends.map(end => end - zero))
  const groups = new Map<string, Checkout[]>()
  for (const checkout of request.checkouts) {
    const key = checkout.connection ?? `${checkout.engine} ${checkout.state}`
    groups.set(key, [...(groups.get(key) ?? []), checkout])
  }
  const lanes = [...groups].map(([key, checkouts]) => laneOf(request, key, checkouts, now, length))
  return { length, responseAt: request.endedAt === null ? null : request.endedAt - zero, lanes }
}

function laneOf(
  request: Request,
  key: string,
  checkouts: Checkout[],
  now: Time,
  length: number,
): TimelineLane {
  const first = checkouts[0]!
  const on = (from: Time, to: Time | null): Span => ({
    from: from - request.startedAt,
    to: (to ?? now) - request.startedAt,
  })
  const statements = request.statements.filter(s => s.connection === first.connection)
  const transactions = request.transactions.filter(t => t.connection === first.connection)
  const holds = checkouts.flatMap(c => (c.acquiredAt === null ? [] : [on(c.acquiredAt, c.endedAt)]))
  const bars = statements.map(statement => ({ ...on(statement.startedAt, statement.endedAt), statement }))
  const barsOf = new Map<string | null, typeof bars>()
  for (const bar of bars) {
    const others = barsOf.get(bar.statement.checkout)
    if (others) others.push(bar)
    else barsOf.set(bar.statement.checkout, [bar])
  }
  const counted = request.stretches
    .filter(({ connection }) => connection !== null && connection === first.connection)
    .map(({ from, until, total, busyMs }) => ({ ...on(from, until), total, busyMs }))
  const brackets = transactions.map(transaction => ({
    ...on(transaction.startedAt, transaction.endedAt),
    transaction,
    failedFrom: transaction.failed ? transaction.failed.at - request.startedAt : null,
  }))
  return {
    key,
    engine: first.engine,
    pool: first.pool,
    connection: first.connection,
    slot: first.slot,
    backendPid: first.backendPid,
    waits: waitSpans(
      checkouts.map(c => ({ ...on(c.askedAt, c.acquiredAt ?? c.endedAt), failed: c.state === 'failed' })),
      holds,
    ),
    holds,
    bars,
    counted,
    queues: statements.filter(s => s.queuedMs > 0).map(s => on(s.startedAt - s.queuedMs, s.startedAt)),
    brackets,
    isReadOnly: wroteNothing(statements),
    gaps: checkouts.flatMap(c =>
      c.acquiredAt === null
        ? []
        : gapsIn(on(c.acquiredAt, c.endedAt), [...(barsOf.get(c.id) ?? []), ...counted], brackets, length),
    ),
  }
}

function gapsIn(
  hold: Span,
  bars: readonly Span[],
  brackets: TimelineLane['brackets'],
  length: number,
): TimelineLane['gaps'] {
  const inside = bars.filter(bar => bar.to > hold.from && bar.from < hold.to).sort((a, b) => a.from - b.from)
  const gaps: TimelineLane['gaps'][number][] = []
  let from = hold.from
  for (const bar of [...inside, { from: hold.to, to: hold.to }]) {
    const spent = bar.from - from
    if (spent >= Math.max(GAP_FROM_MS, length * GAP_FROM_SHARE)) {
      const state = stateAt((from + bar.from) / 2, brackets)
      gaps.push({ from, to: bar.from, label: `${duration(spent)} ${GAP_WORDS[state]}`, state })
    }
    from = Math.max(from, bar.to)
  }
  return gaps
}

type GapState = TimelineLane['gaps'][number]['state']

const GAP_WORDS: Record<GapState, string> = {
  'held idle': 'held idle',
  'idle in transaction': 'idle in tx',
  'failed transaction': 'failed tx',
}

function stateAt(at: number, brackets: TimelineLane['brackets']): GapState {
  const bracket = brackets.find(b => b.from <= at && at <= b.to)
  if (!bracket) return 'held idle'
  return bracket.failedFrom !== null && at >= bracket.failedFrom
    ? 'failed transaction'
    : 'idle in transaction'
}
