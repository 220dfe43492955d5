import type { PgClient } from './driver.ts'

/**
 * Destroys a connection's socket when the goodbye that was said on it has no answer in time: over a network that is
 * silent TCP would keep it for a quarter of an hour.
 */
export function endWithin(driver: PgClient, ms: number): void {
  const timer = setTimeout(() => driver.connection?.stream?.destroy(), ms)
  timer.unref()
  driver.once('end', () => clearTimeout(timer))
}
