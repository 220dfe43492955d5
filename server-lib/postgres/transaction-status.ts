import type { TransactionStatus } from '../dialect/transaction-status.ts'
import type { PgClient, StatusByte } from './driver.ts'
import { addMissingSync, omitsSync } from './missing-sync.ts'

/** What is read of a wire's ReadyForQuery messages, and how many want it read. */
interface Followed {
  status: StatusByte | null
  followers: number
  stop(): void
}

/** By the wire of a pg older than 8.21: that reads the status, and keeps it nowhere. */
const followed = new WeakMap<object, Followed>()

/** What the server is asked where nobody has heard its status yet: an empty statement, which it answers in any state. */
const ASK = '/* enginelight: is a transaction open? */'

const WORDS = { I: 'none', T: 'open', E: 'failed' } as const satisfies Record<StatusByte, TransactionStatus>

/**
 * The server's last word on the transaction of a connection. It is unknown where nothing was answered since we began to follow
 * an older pg, and where the driver does not tell at all.
 */
export function statusOf(driver: PgClient): TransactionStatus {
  const byte = statusByteOf(driver)
  return byte ? WORDS[byte] : 'unknown'
}

/** The same as the server spells it; null where it is unknown. */
export function statusByteOf(driver: PgClient): StatusByte | null {
  if (driver.getTransactionStatus) return isMuteNative(driver) ? null : driver.getTransactionStatus()
  const { connection } = driver
  if (!connection?.prependListener) return null
  // What has sent nothing has nothing open.
  if (driver.hasExecuted !== true) return 'I'
  return followed.get(connection)?.status ?? null
}

/** Whether the status of this connection can be known at all. It cannot on a pg-native that does not tell. */
export function canTellStatus(driver: PgClient): boolean {
  if (driver.getTransactionStatus) return !isMuteNative(driver)
  return driver.connection?.prependListener !== undefined
}

/** The same by the class of connections, as far as that shows it: before there is any. */
export function isMute(Client: unknown): boolean {
  const prototype: unknown = typeof Client === 'function' ? Client.prototype : undefined
  if (typeof prototype !== 'object' || prototype === null) return false
  // The one has it of pg 8.21 and newer; the other is how an older client hears of it.
  return !('getTransactionStatus' in prototype) && !('_handleReadyForQuery' in prototype)
}

/** pg 8.21 and newer asks libpq by way of pg-native, which can be an older one. */
function isMuteNative({ native }: PgClient): boolean {
  if (native === undefined) return false
  return typeof (native as { getTransactionStatus?: unknown } | null)?.getTransactionStatus !== 'function'
}

/**
 * Keeps the status of a connection of an older pg from now on, as every newer one does by itself, and has it answer after an error
 * of its own. The returned function ends both. First in line: pg tells the caller of a statement of its end in the same event.
 */
export function followStatus(driver: PgClient): () => void {
  const { connection } = driver
  if (!connection?.prependListener) return NOTHING
  const isUnsynced = omitsSync(driver)
  if (driver.getTransactionStatus && !isUnsynced) return NOTHING
  let known = followed.get(connection)
  if (!known) {
    const onReady = ({ status }: { status: StatusByte }) => void (follow.status = status)
    const endSync = isUnsynced ? addMissingSync(driver) : NOTHING
    const follow: Followed = {
      status: null,
      followers: 0,
      stop() {
        connection.removeListener?.('readyForQuery', onReady)
        endSync()
        followed.delete(connection)
      },
    }
    known = follow
    followed.set(connection, known)
    connection.prependListener('readyForQuery', onReady)
  }
  known.followers++
  let isFollowing = true
  return () => {
    if (!isFollowing) return
    isFollowing = false
    if (--known.followers === 0) known.stop()
  }
}

const NOTHING = () => {}

/**
 * Calls when the status is known: at once as nearly always. Of a connection of an older pg that was in use before we followed it
 * the server is asked once. Where it cannot be known, or the question fails, it is still null then.
 */
export function whenStatusKnown(
  driver: PgClient,
  then: () => void,
  send: (text: string, answered: () => void) => unknown,
): void {
  if (statusByteOf(driver) !== null || !canTellStatus(driver)) return then()
  send(ASK, then)
}
