import type { Discard } from '../channels/words.ts'
import type { Engine } from '../engines/engine.ts'
import type { Asker } from '../pool/books.ts'
import type { DriverResult } from '../postgres/driver.ts'
import { takeCleanLease } from './clean-lease.ts'
import { HeldConnection } from './held-connection.ts'

/** A connection of an engine that is taken outside of any session, for a few statements of our own. */
export interface OwnConnection {
  readonly held: HeldConnection
  /** Sends a statement, within what is left of the time. */
  send(statement: string | { text: string; values: unknown[] }): Promise<DriverResult>
  /** Closes it instead of giving it back: it is no longer as it came. */
  spoil(reason: Discard): void
}

const nobody = (): Asker => ({ session: null, request: undefined, capture: null })

/**
 * Takes a connection, lets it be used and gives it back. One whose use fails is closed: whoever catches a failed
 * statement inside, and knows what state that left, keeps it. `until` is in the time of `performance.now()`. It is taken
 * in nobody's name, or in that of `asker`.
 */
export async function onOwnConnection<T>(
  engine: Engine,
  until: number,
  use: (connection: OwnConnection) => Promise<T>,
  asker = nobody,
): Promise<T> {
  const leftMs = () => Math.max(1, Math.ceil(until - performance.now()))
  const lease = await takeCleanLease(engine, asker, undefined, leftMs())
  // At once, as a session does: the pool may already have opened another in its place.
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

/** Of a query that has one. */
export function firstRow(result: DriverResult): unknown {
  return result.rows?.[0]
}

export const pause = (afterMs: number) => new Promise<void>(resolve => void setTimeout(resolve, afterMs))
