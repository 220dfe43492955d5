import { channels } from '../channels/channels.ts'
import { errorFacts, type CheckoutHolder } from '../channels/errors.ts'
import type { Discard } from '../channels/words.ts'
import { siteOf } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import type { CheckoutRecord, ConnectionRecord } from './records.ts'
import type { PoolNames } from './reports.ts'

// How a pool's check-outs and connections are reported to observers. An observer's own requests are not reported.

export function tellAsked({ engine, pool }: PoolNames, checkout: CheckoutRecord): void {
  if (!channels.checkout.hasSubscribers || checkout.isObserver) return
  channels.checkout.publish({
    phase: 'start',
    at: checkout.askedAt,
    id: checkout.id,
    engine,
    pool,
    request: checkout.request,
    session: checkout.session,
    site: sitesAreWanted() ? siteOf(checkout.capture) : null,
    isLineTaken: checkout.isLineTaken,
  })
}

export function tellAcquired(
  { engine, pool }: PoolNames,
  checkout: CheckoutRecord,
  record: ConnectionRecord,
): void {
  if (!channels.checkout.hasSubscribers) return
  channels.checkout.publish({
    phase: 'acquired',
    at: checkout.acquiredAt,
    id: checkout.id,
    engine,
    pool,
    waitMs: checkout.acquiredAt - checkout.askedAt,
    connection: record.id,
    slot: record.slot,
    backendPid: record.backendPid,
  })
}

export function tellFailed(
  { engine, pool }: PoolNames,
  checkout: CheckoutRecord,
  error: unknown,
  by: { holders(): CheckoutHolder[] },
): void {
  if (!channels.checkout.hasSubscribers || checkout.isObserver) return
  const at = performance.now()
  channels.checkout.publish({
    phase: 'failed',
    at,
    id: checkout.id,
    engine,
    pool,
    waitMs: at - checkout.askedAt,
    error: errorFacts(checkout.failure ?? error),
    holders: by.holders(),
  })
}

export function tellReleased(
  { engine, pool }: PoolNames,
  checkout: CheckoutRecord,
  record: ConnectionRecord,
): void {
  if (!channels.checkout.hasSubscribers) return
  channels.checkout.publish({
    phase: 'released',
    at: record.changedAt,
    id: checkout.id,
    engine,
    pool,
    connection: record.id,
    heldMs: record.changedAt - checkout.acquiredAt,
    discarded: record.discarded,
    wasOverdue: checkout.overdueAt !== null,
  })
}

export function tellConnected({ engine, pool }: PoolNames, record: ConnectionRecord): void {
  if (!channels.pool.hasSubscribers) return
  const { id: connection, slot, backendPid, since: at } = record
  channels.pool.publish({ phase: 'connected', at, engine, pool, connection, slot, backendPid })
}

export function tellDisconnected(
  { engine, pool }: PoolNames,
  { id: connection, slot, uses }: ConnectionRecord,
  reason: Discard,
): void {
  if (!channels.pool.hasSubscribers) return
  const at = performance.now()
  channels.pool.publish({ phase: 'disconnected', at, engine, pool, connection, slot, reason, uses })
}

export function tellConnectFailed({ engine, pool }: PoolNames, error: unknown): void {
  if (!channels.pool.hasSubscribers) return
  const at = performance.now()
  channels.pool.publish({ phase: 'connect failed', at, engine, pool, error: errorFacts(error) })
}
