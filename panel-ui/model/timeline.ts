import type { Time } from '../../instrumentation/panel/protocol.ts'
import { duration } from '../format.ts'
import type { Checkout, Request, Statement, Transaction } from './state.ts'

/** One request on wall-clock time: a lane per connection, in milliseconds since its start. */
export interface Timeline {
  /** The axis goes from 0 to here: past the response where something is still held. */
  readonly length: number
  /** Where the response ended, or null while the request runs. */
  readonly responseAt: number | null
  readonly lanes: readonly TimelineLane[]
}

export interface Span {
  readonly from: number
  readonly to: number
}

export interface TimelineLane {
  readonly key: string
  readonly engine: string
  readonly pool: string
  readonly connection: string | null
  readonly slot: number | null
  readonly backendPid: number | null
  readonly waits: readonly (Span & { failed: boolean })[]
  readonly holds: readonly Span[]
  readonly bars: readonly (Span & { statement: Statement })[]
  readonly queues: readonly Span[]
  readonly brackets: readonly (Span & { transaction: Transaction; failedFrom: number | null })[]
  readonly gaps: readonly (Span & { label: string; isInTransaction: boolean })[]
}

/** A gap shorter than this, or than this part of the axis, is not worth a word. */
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
    waits: checkouts
      .map(c => ({ ...on(c.askedAt, c.acquiredAt ?? c.endedAt), failed: c.state === 'failed' }))
      .filter(wait => wait.to - wait.from > 0.05),
    holds,
    bars,
    queues: statements.filter(s => s.queuedMs > 0).map(s => on(s.startedAt - s.queuedMs, s.startedAt)),
    brackets,
    gaps: holds.flatMap(hold => gapsIn(hold, bars, brackets, length)),
  }
}

function gapsIn(
  hold: Span,
  bars: readonly Span[],
  brackets: readonly Span[],
  length: number,
): TimelineLane['gaps'] {
  const inside = bars.filter(bar => bar.to > hold.from && bar.from < hold.to).sort((a, b) => a.from - b.from)
  const gaps: TimelineLane['gaps'][number][] = []
  let from = hold.from
  for (const bar of [...inside, { from: hold.to, to: hold.to }]) {
    const spent = bar.from - from
    if (spent >= Math.max(GAP_FROM_MS, length * GAP_FROM_SHARE)) {
      const middle = (from + bar.from) / 2
      const isInTransaction = brackets.some(b => b.from <= middle && middle <= b.to)
      const word = isInTransaction ? 'idle in tx' : 'held idle'
      gaps.push({ from, to: bar.from, label: `${duration(spent)} ${word}`, isInTransaction })
    }
    from = Math.max(from, bar.to)
  }
  return gaps
}
