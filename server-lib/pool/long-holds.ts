import { isOpen } from '../dialect/transaction-status.ts'
import { channels } from '../channels/channels.ts'
import { warn, type CheckoutHolder } from '../channels/errors.ts'
import { holderText, ms } from './holder-text.ts'
import type { Books } from './books.ts'
import { onHeartbeat, stalledSince } from '../clock/heartbeat.ts'

/** When a hold counts as long, in milliseconds; undefined where it never does. */
export interface HoldThresholds {
  readonly heldWarningMs: number | undefined
  readonly idleInTransactionWarningMs: number | undefined
}

/**
 * Looks at every heartbeat for connections that are held for long, or idle in a transaction for long: a leak while
 * there is still a stack to show. Each hold is reported once, as a process warning and on the channel, with the line
 * that checked it out. Time in which the event loop stood still does not count: neither the holder nor the database is
 * to blame for it. The returned function stops it.
 */
export function watchLongHolds(allBooks: () => Iterable<Books>, thresholds: HoldThresholds): () => void {
  const { heldWarningMs, idleInTransactionWarningMs } = thresholds
  if (heldWarningMs === undefined && idleInTransactionWarningMs === undefined) return () => {}
  return onHeartbeat(() => {
    for (const books of allBooks()) lookAt(books, thresholds)
  })
}

function lookAt(books: Books, thresholds: HoldThresholds): void {
  const { heldWarningMs = Infinity, idleInTransactionWarningMs = Infinity } = thresholds
  const now = performance.now()
  for (const record of books.connections) {
    const { checkout, driver } = record
    if (!checkout) continue
    const isBusy = !driver.isReady
    // Only a session reports when its statement was answered. For others we see only that they are busy, or were since.
    if (isBusy || record.statements !== record.statementsSeen) record.seenBusyAt = now
    record.statementsSeen = record.statements
    if (checkout.overdueAt !== null) continue
    const isIdleInTransaction = !isBusy && isOpen(driver.status)
    const isLong = (since: number, limitMs: number) =>
      now - since >= limitMs && now - since - stalledSince(since) >= limitMs
    // A connection that listens, or keeps a lock or a cursor, is held for long by design.
    const isKept = checkout.keptFor !== null && !isIdleInTransaction
    if (
      (!isKept && isLong(checkout.countsFrom, heldWarningMs)) ||
      (isIdleInTransaction &&
        isLong(Math.max(record.changedAt, record.seenBusyAt), idleInTransactionWarningMs))
    ) {
      checkout.overdueAt = now
      books.lines.somethingWentWrong()
      const holder = books.holderOf(record)
      if (holder) tellOverdue(books, holder, stalledSince(checkout.acquiredAt))
    }
  }
}

function tellOverdue(books: Books, holder: CheckoutHolder, stalledMs: number): void {
  if (channels.checkout.hasSubscribers) {
    const { checkout: id, ...held } = holder
    channels.checkout.publish({ phase: 'overdue', at: performance.now(), id, ...held, stalledMs })
  }
  const { used, waiting } = books
  warn(
    'EL_HELD_LONG',
    `A connection of engine "${holder.engine}" is held for long: ${holderText(holder)}` +
      `${stalledMs > 0 ? ` (the event loop stood still for ${ms(stalledMs)} of that)` : ''}. ` +
      `${used} ${used === 1 ? 'connection' : 'connections'} of pool ${holder.pool} held, ${waiting} waiting.`,
  )
}
