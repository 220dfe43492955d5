import { queryClassOf, type QueryClass, type Wire } from './beginning-query.ts'
import type { PgClient } from './driver.ts'

/** By pg's class of statements: whether it leaves the Sync out, as every pg before 8.22 does. */
const omits = new WeakMap<QueryClass, boolean>()

/**
 * Whether this pg sends no Sync behind a statement with a value that it cannot write. It tells of the error, and then waits for
 * an answer that the server has no reason to give: the connection is stuck.
 */
export function omitsSync(driver: PgClient): boolean {
  const Query = queryClassOf(driver)
  if (!Query) return false
  let known = omits.get(Query)
  if (known === undefined) omits.set(Query, (known = !sendsSync(Query)))
  return known
}

/** Asks the class itself: its version number is not to be had from a connection. */
function sendsSync(Query: QueryClass): boolean {
  let isSynced = false
  const nothing = () => {}
  const wire = {
    stream: {},
    parsedStatements: {},
    submittedNamedStatements: {},
    parse: nothing,
    close: nothing,
    bind() {
      throw new Error('a value that cannot be written')
    },
    sync: () => void (isSynced = true),
  }
  try {
    new Query('select $1', [null], nothing).submit(wire)
    return isSynced
  } catch {
    // Not as pg's own does it: nothing is known, so nothing is mended.
    return true
  }
}

/**
 * Sends the missing Sync on this connection from now on, whoever sends the statement. The returned function ends it. Only for pg's
 * own statements: a cursor sends its Sync when it is told of an error.
 */
export function addMissingSync(driver: PgClient): () => void {
  const Query = queryClassOf(driver) as QueryClass
  const wire = driver.connection as unknown as Wire
  const beneath = Object.getOwnPropertyDescriptor(wire, 'bind')
  const { bind } = wire
  let isEnded = false
  const bindOrSync = function (this: Wire, portal: object): void {
    try {
      return bind.call(this, portal)
    } catch (error) {
      // An enclosed statement hands in a wire of its own, whose Sync has something to send before.
      if (!isEnded && runningOn(driver) instanceof Query) this.sync()
      throw error
    }
  }
  wire.bind = bindOrSync
  return () => {
    isEnded = true
    // Something else has been put over ours since: then ours stays beneath, and only passes on.
    if (wire.bind !== bindOrSync) return
    if (beneath) Object.defineProperty(wire, 'bind', beneath)
    else delete (wire as { bind?: unknown }).bind
  }
}

/** pg 8.21 has a new name for it, and warns of the old one. */
function runningOn(driver: PgClient): unknown {
  const { _activeQuery: running } = driver as { _activeQuery?: unknown }
  return running === undefined ? (driver as { activeQuery?: unknown }).activeQuery : running
}
