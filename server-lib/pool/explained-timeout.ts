import { warn, type EnginelightError } from '../channels/errors.ts'
import { siteOf } from '../identity/site.ts'
import { timedOut } from './check-out.ts'
import type { Pool } from './pool.ts'
import type { CheckoutRecord } from './records.ts'

/** How long a line stays silent after its warning: in a storm one process warning is enough. */
const SILENT_MS = 5_000
/** How many lines are remembered. */
const LINES = 200

const toldAt = new Map<string, number>()

/**
 * Explains a timeout of the application's own check-out, whose error says no more than that. The error stays the same;
 * its cause becomes who holds the connections, or that none could be opened. A process warning says it too.
 */
export function explainTimeout(pool: Pool, checkout: CheckoutRecord, error: Error): void {
  if (!checkout.isPlain || checkout.state !== 'waiting') return
  const explained = timedOut(pool, checkout.askedAt, checkout.capture)
  checkout.failure = explained
  if (error.cause === undefined && Object.isExtensible(error)) {
    Object.defineProperty(error, 'cause', { value: explained, configurable: true, writable: true })
  }
  warnOnce(explained, siteOf(checkout.capture)?.label)
}

function warnOnce({ code, engine, message }: EnginelightError, line = '(line unknown)'): void {
  const key = `${code} ${engine} ${line}`
  const now = performance.now()
  if (now - (toldAt.get(key) ?? -SILENT_MS) < SILENT_MS) return
  if (toldAt.size >= LINES) toldAt.clear()
  toldAt.set(key, now)
  if (code === 'EL_CHECKOUT_TIMEOUT') warn('EL_CHECKOUT_TIMEOUT', message)
  else warn('EL_CHECKOUT_FAILED', message)
}
