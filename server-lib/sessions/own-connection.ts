import type { Discard } from '../channels/words.ts'
import type { Engine } from '../engines/engine.ts'
import type { Asker } from '../pool/books.ts'
import type { DriverResult } from '../dialect/result.ts'
import { takeCleanLease } from './clean-lease.ts'
import { HeldConnection } from './held-connection.ts'

/** A connection of an engine that is checked out outside any session, for a few statements of our own. */
export interface OwnConnection {
  readonly held: HeldConnection
  /** Sends a statement, within the remaining time. */
  send(statement: string | { text: string; values: unknown[] }): Promise<DriverResult>
  /** Closes it after use instead of returning it, because its state has changed. */
  spoil(reason: Discard): void
}

const nobody = (): Asker => ({ session: null, request: undefined, capture: null })

/**
 * Checks out a connection, calls `use` and returns the connection. If `use` rejects, the connection is closed: a caller
 * that knows what state a failed statement leaves catches the error inside. `until` is in `performance.now()` time.
 * Without `asker`, the check-out names no session and no request.
 */
export async function onOwnConnection<T>(
  engine: Engine,
  until: number,
  use: (connection: OwnConnection) => Promise<T>,
  asker = nobody,
): Promise<T> {
  const leftMs = () => Math.max(1, Math.ceil(until - performance.now()))
  const lease = await takeCleanLease(engine, asker, undefined, leftMs())
  // At once, as a session does: the pool may already have opened a replacement.
  const held: HeldConnection = new HeldConnection(engine, lease, () => held.discard('connection lost'))
  let spoilt: Discard | undefined
  try {
    const value = await use({
      held,
      send: statement => held.control(statement, leftMs()),
      spoil: reason => void (spoilt = reason),
    })
    if (spoilt === undefined) held.giveBack()
    else held.discard(spoilt)
    return value
  } catch (error) {
    held.discard(spoilt ?? 'used in vain')
    throw error
  }
}

/** The first row of a result. */
export function firstRow(result: DriverResult): unknown {
  return result.rows?.[0]
}

export const pause = (afterMs: number) => new Promise<void>(resolve => void setTimeout(resolve, afterMs))
