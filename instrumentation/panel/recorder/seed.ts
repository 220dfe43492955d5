import type { EngineReport } from '../../../server-lib/channels/index.ts'
import type { Row } from '../../model/codec.ts'
import { ms } from './plain.ts'
import type { RowsOfMessages } from './rows-of-messages.ts'

/** What a late recorder must know: engines, connections, their holders and the waiters. */
export function* seedRows(
  { description, connections, waiters }: EngineReport,
  at: number,
  rows: RowsOfMessages,
): Iterable<Row> {
  const { engine, pool } = description
  const { start, acquired, kept } = rows['enginelight:checkout']
  const now = ms(at)
  yield rows['enginelight:engine'].declared({ description }, now)
  for (const { holder, transaction, since: connectedAt, ...connection } of connections) {
    // The current hold gets a row of its own, and is counted there.
    const uses = Math.max(0, connection.uses - (holder ? 1 : 0))
    yield rows['enginelight:pool'].connected({ ...connection, engine, pool, uses }, ms(connectedAt))
    if (!holder) continue
    const since = ms(holder.since)
    const hold = { ...holder, id: holder.checkout, engine, pool, connection: connection.connection }
    yield start(hold, since)
    yield acquired({ ...hold, waitMs: 0 }, since)
    if (holder.keptFor != null) yield kept(hold, now)
    if (transaction !== null) yield rows['enginelight:transaction'].start({ ...hold, id: transaction }, since)
  }
  for (const waiter of waiters)
    yield start({ ...waiter, id: waiter.checkout, engine, pool }, ms(waiter.since))
}
