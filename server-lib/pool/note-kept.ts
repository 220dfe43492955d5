import { channels } from '../channels/channels.ts'
import type { DriverResult } from '../dialect/result.ts'
import { KeptFor } from './kept-for.ts'
import type { CheckoutRecord, ConnectionRecord } from './records.ts'
import type { PoolNames } from './reports.ts'

/**
 * Who is told that a statement has succeeded which begins or ends what its connection is kept for; undefined for all
 * others. Only for connections that the application holds itself: a session is inside its transaction, or releases
 * after the statement.
 */
export function noteKept(
  pool: PoolNames,
  record: ConnectionRecord,
  text: unknown,
): ((result: DriverResult | DriverResult[] | undefined) => void) | undefined {
  const { checkout } = record
  if (checkout === null || checkout.session !== null || checkout.isSingleStatement || checkout.isObserver)
    return undefined
  const changes = typeof text === 'string' ? record.driver.dialect.reading.changesOfKept(text) : null
  if (changes === null) return undefined
  return result => {
    if (record.checkout !== checkout) return
    const kept = (checkout.kept ??= new KeptFor())
    for (const change of changes) kept.apply(change, isTrue(result))
    becameKept(pool, checkout, kept.words)
  }
}

/** Whether the first row contains `true`: the server's answer to `pg_try_advisory_lock`. */
function isTrue(result: DriverResult | DriverResult[] | undefined): boolean {
  const [row] = (Array.isArray(result) ? result.at(-1)?.rows : result?.rows) ?? []
  if (typeof row !== 'object' || row === null) return false
  return Object.values(row).includes(true)
}

function becameKept({ engine, pool }: PoolNames, checkout: CheckoutRecord, keptFor: string | null): void {
  if (keptFor === checkout.keptFor) return
  checkout.keptFor = keptFor
  // From here on this is a hold like any other.
  if (keptFor === null) checkout.countsFrom = performance.now()
  if (!channels.checkout.hasSubscribers || checkout.isObserver) return
  channels.checkout.publish({ phase: 'kept', at: performance.now(), id: checkout.id, engine, pool, keptFor })
}
