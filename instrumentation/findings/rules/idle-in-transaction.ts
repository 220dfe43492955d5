import { duration } from '../../model/format.ts'
import { lanesOf, otherOwners, shownPools } from '../../model/pool-load.ts'
import type { Request } from '../../model/state.ts'
import { longestIdle } from '../longest-idle.ts'
import { finding, nameOf, takenAt, type Judged, type Rule } from '../rule.ts'
import { limitsOf, type Thresholds } from '../thresholds.ts'
import { withoutStalls } from '../without-stalls.ts'
import { leakedMs } from './leak.ts'
import { lateRelease } from './outlived.ts'

const WHY =
  'The application does something else while a transaction is open: others cannot have the connection, and rows stay locked.'

/** A transaction is open, and its connection has had nothing to do for a while; or that was so. */
export const idleInTransaction: Rule = function* (state, thresholds, now) {
  const told = new Set<string>()
  for (const { pool, engine } of shownPools(state)) {
    const limits = limitsOf(thresholds, pool.engine)
    for (const lane of lanesOf(state, pool)) {
      const last = lane?.segments.at(-1)
      const connection = lane?.connection ? state.connections.get(lane.connection) : undefined
      if (last?.phase !== 'idle in transaction' || last.to !== null || !connection) continue
      const idle = withoutStalls(state.stalls, last.from, now)
      if (idle < limits.idleInTransactionMs) continue
      // A borrowed connection is its host's, and is told there if the host is watched.
      if (engine.mode === 'borrowed' && otherOwners(state, connection).length > 0) continue
      const checkout = state.checkouts.get(lane?.checkout ?? '')
      const request = state.requests.get(checkout?.request ?? '')
      // A leak says more.
      if (checkout && leakedMs(checkout, request ?? null, now, state.stalls, thresholds.releaseMs) !== null)
        continue
      const who = checkout ? nameOf(request, checkout.request) : 'A connection that nothing holds'
      const id = connection.transaction ?? connection.id
      told.add(id)
      yield finding('idle in transaction', id, {
        severity: idle >= limits.idleTooLongMs ? 'bad' : 'warn',
        since: last.from,
        about: {
          engine: pool.engine,
          pool: pool.id,
          connection: connection.id,
          checkout: checkout?.id,
          request: checkout?.request,
          session: checkout?.session ?? undefined,
          transaction: connection.transaction ?? undefined,
        },
        site: checkout?.site ?? null,
        sentence: `${who} sits idle in a transaction of ${pool.engine} for ${duration(idle)}${takenAt(checkout)}.`,
        why: WHY,
        afterwards: {
          sentence: `${who} sat idle in a transaction of ${pool.engine} for ${duration(idle)} or longer${takenAt(checkout)}.`,
        },
      })
    }
  }
  for (const request of state.requests.values())
    for (const past of pastOf(request, thresholds, state.stalls))
      if (!told.has(past.about.transaction ?? '')) yield past
}

/** By the request's own rows, so that it is known of one that nothing watched meanwhile. */
function* pastOf(
  request: Request,
  thresholds: Thresholds,
  stalls: Parameters<typeof withoutStalls>[0],
): Iterable<Judged> {
  const late = lateRelease(request, stalls, thresholds.releaseMs)
  for (const transaction of request.transactions) {
    const { id, engine, connection, endedAt } = transaction
    // What was not given back when the request ended says more.
    if (request.endedAt !== null && (endedAt === null || late?.checkout.id === transaction.checkout)) continue
    const gap = longestIdle(transaction, request)
    if (!gap) continue
    const limits = limitsOf(thresholds, engine)
    const idle = withoutStalls(stalls, gap.from, gap.to)
    if (idle < limits.idleInTransactionMs) continue
    const checkout = request.checkouts.find(it => it.id === transaction.checkout)
    yield finding('idle in transaction', id, {
      severity: idle >= limits.idleTooLongMs ? 'bad' : 'warn',
      since: gap.from,
      lastSeen: gap.to,
      isOver: true,
      about: {
        engine,
        pool: checkout?.pool,
        connection,
        checkout: checkout?.id,
        request: request.id,
        session: transaction.session ?? undefined,
        transaction: id,
      },
      site: checkout?.site ?? transaction.site,
      sentence: `${nameOf(request, request.id)} sat idle in a transaction of ${engine} for ${duration(idle)}${takenAt(checkout)}.`,
      why: 'The application did something else while a transaction was open: others could not have the connection, and rows stayed locked.',
    })
  }
}
