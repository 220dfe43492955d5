import type { EngineReport } from '../../../server-lib/channels/index.ts'
import { KIND, type AnyRow } from '../../model/rows.ts'
import type { Ink } from './ink.ts'
import { count, countOrNull, id, idOrNull, ms } from './plain.ts'
import { engineFacts, lineNotTaken } from './rows-of-pools.ts'

/** What a late recorder must know: engines, connections, their holders and the waiters. */
export function* seedRows(report: EngineReport, now: number, ink: Ink): Iterable<AnyRow> {
  const engine = id(report.description.engine)
  const pool = id(report.description.pool)
  yield [0, KIND.engine, ms(now), engineFacts(report.description)]
  for (const at of report.connections) {
    const connection = id(at.connection)
    const { holder } = at
    // The current hold gets a row of its own, and is counted there.
    const usesBefore = Math.max(0, count(at.uses) - (holder ? 1 : 0))
    const pid = countOrNull(at.backendPid)
    yield [0, KIND.connected, ms(at.since), connection, engine, pool, count(at.slot), pid, usesBefore]
    if (!holder) continue
    const checkout = id(holder.checkout)
    const request = idOrNull(holder.request)
    const session = idOrNull(holder.session)
    const since = ms(holder.since)
    const site = ink.site(holder.site)
    yield [
      0,
      KIND.checkoutStart,
      since,
      checkout,
      engine,
      pool,
      request,
      session,
      site,
      ink.frames(holder.site),
      ...lineNotTaken(holder),
    ]
    yield [0, KIND.checkoutAcquired, since, checkout, connection, 0]
    if (holder.keptFor != null)
      yield [0, KIND.checkoutKept, ms(now), checkout, ink.textOrNull(holder.keptFor)]
    const transaction = idOrNull(at.transaction)
    if (transaction !== null)
      yield [0, KIND.transactionStart, since, transaction, connection, checkout, session, request, site]
  }
  for (const waiter of report.waiters) {
    yield [
      0,
      KIND.checkoutStart,
      ms(waiter.since),
      id(waiter.checkout),
      engine,
      pool,
      idOrNull(waiter.request),
      idOrNull(waiter.session),
      ink.site(waiter.site),
      ink.frames(waiter.site),
      ...lineNotTaken(waiter),
    ]
  }
}
