import { channels } from '../channels.ts'
import { warn } from '../errors.ts'
import type { Engine, Lease } from '../engines/engine.ts'
import type { Asker } from '../pool/ledger.ts'
import { ROLLBACK } from '../postgres/control.ts'
import type { DriverConnection } from '../postgres/driver.ts'

/**
 * A connection on which nothing is open. One that comes with somebody's open transaction is rolled back, or closed and
 * replaced where the engine does not roll back; whoever left it so is told of on the channel and as a warning.
 */
export async function takeCleanLease(
  engine: Engine,
  asker: () => Asker,
  signal: AbortSignal,
): Promise<Lease> {
  for (;;) {
    const asking = asker()
    const lease = await engine.checkOut(asking, signal)
    const { driver } = lease.hold
    const status = driver.getTransactionStatus?.()
    if (status !== 'T' && status !== 'E') return lease
    reportLeftOpen(engine, lease, asking, status)
    if (engine.options.rollbackOnCheckout && (await rolledBack(driver, engine.options.checkoutTimeoutMs)))
      return lease
    const record = lease.pool.ledger.recordOf(driver)
    if (record) record.discarded = 'came with an open transaction'
    lease.hold.discard()
  }
}

function rolledBack(driver: DriverConnection, deadlineMs: number): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, deadlineMs, false)
    driver.query(ROLLBACK, (error: Error | null) => {
      clearTimeout(timer)
      resolve(!error && driver.getTransactionStatus?.() === 'I')
    })
  })
}

function reportLeftOpen(engine: Engine, { hold, pool }: Lease, asking: Asker, status: 'T' | 'E'): void {
  const record = pool.ledger.recordOf(hold.driver)
  const leaver = record?.leaver ?? null
  const previousSite = leaver?.site ?? null
  if (record && asking.checkout && channels.checkout.hasSubscribers) {
    channels.checkout.publish({
      phase: 'dirty',
      at: performance.now(),
      id: asking.checkout.id,
      engine: engine.name,
      pool: pool.ledger.pool,
      connection: record.id,
      status,
      previous: leaver?.checkout ?? null,
      previousSite,
    })
  }
  const who = leaver
    ? `${leaver.requestLabel ?? 'somebody outside of any request'}${previousSite ? ` at ${previousSite.label}` : ''}`
    : 'an unknown holder'
  warn(
    'EL_LEFT_OPEN',
    `Connection ${record?.id} of engine "${engine.name}" came from the pool with ${status === 'T' ? 'an open' : 'a failed'} transaction that ${who} left.`,
  )
}
