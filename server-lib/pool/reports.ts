import type { ConnectionReport, WaiterReport } from '../channels/engine-reports.ts'
import type { CheckoutHolder } from '../channels/errors.ts'
import { STATUS_BYTES } from '../channels/words.ts'
import { siteOf } from '../identity/site.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { CheckoutRecord, ConnectionRecord } from './records.ts'

/** An engine's pool by its names. */
export interface PoolNames {
  readonly engine: string
  /** `writer#1`. */
  readonly pool: string
}

/** The current holder of a connection, or undefined where it is free. */
export function holderOf(
  { engine, pool }: PoolNames,
  { checkout, driver, slot, id: connection, backendPid, changedAt }: ConnectionRecord,
): CheckoutHolder | undefined {
  if (!checkout) return undefined
  const now = performance.now()
  return {
    engine,
    pool,
    slot,
    connection,
    backendPid,
    checkout: checkout.id,
    request: checkout.request,
    requestLabel: checkout.requestLabel,
    session: checkout.session,
    heldMs: now - checkout.acquiredAt,
    site: siteOf(checkout.capture)?.label ?? null,
    isLineTaken: checkout.isLineTaken,
    state: holderState(driver),
    stateMs: now - changedAt,
    keptFor: checkout.keptFor,
  }
}

function holderState(driver: DriverConnection): CheckoutHolder['state'] {
  if (!driver.isReady) return 'executing'
  const { status } = driver
  switch (status) {
    case 'open':
      return 'idle in transaction'
    case 'failed':
      return 'failed transaction'
    case 'none':
      return 'idle'
    case 'unknown':
      return 'transaction unknown'
    default:
      return status satisfies never
  }
}

export function connectionReport(record: ConnectionRecord): ConnectionReport {
  const { id: connection, slot, backendPid, since, uses, checkout, transaction, driver } = record
  return {
    connection,
    slot,
    backendPid,
    since,
    uses,
    holder: checkout && {
      checkout: checkout.id,
      request: checkout.request,
      session: checkout.session,
      since: checkout.acquiredAt,
      site: siteOf(checkout.capture),
      isLineTaken: checkout.isLineTaken,
      keptFor: checkout.keptFor,
    },
    transaction: transaction?.id ?? null,
    status: STATUS_BYTES[driver.status],
  }
}

export function waiterReport(checkout: CheckoutRecord): WaiterReport {
  const { id, request, session, askedAt, capture, isLineTaken } = checkout
  return { checkout: id, request, session, since: askedAt, site: siteOf(capture), isLineTaken }
}
