import { AsyncLocalStorage } from 'node:async_hooks'
import { captureSite } from '../identity/site.ts'
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../postgres/control.ts'
import type { SessionCore } from './session.ts'

/** An open savepoint: those that are opened within it, and those that wait beside it. */
interface OpenSavepoint {
  readonly session: SessionCore
  /** The one around it, which may be of another session. */
  readonly outer: OpenSavepoint | undefined
  /** The last one opened directly inside of this one; the next waits for it. */
  last: Promise<unknown>
  /** What the function left running is inside of it no more. */
  over: boolean
}

/** Which savepoint the running function is inside of, so that a nested call nests and a parallel one waits. */
const inside = new AsyncLocalStorage<OpenSavepoint>()
const roots = new WeakMap<SessionCore, OpenSavepoint>()
let names = 0

/**
 * Runs a function inside of a savepoint: kept when it resolves, rolled back when it throws, the transaction going on
 * either way. Savepoints side by side run one after the other, since PostgreSQL knows them only nested.
 */
export function runSavepoint<T>(session: SessionCore, fn: () => Promise<T> | T): Promise<T> {
  const capture = captureSite()
  const parent = parentOf(session)
  const before = parent.last
  const run = before.then(
    () => within(session, fn, capture),
    () => within(session, fn, capture),
  )
  // Those who wait need to know when it is over, not how it went.
  parent.last = run.catch(() => {})
  return run
}

function parentOf(session: SessionCore): OpenSavepoint {
  let open = inside.getStore()
  // Savepoints of another session may lie between: to wait for our own from inside of it would last for ever.
  while (open && (open.session !== session || open.over)) open = open.outer
  if (open) return open
  let root = roots.get(session)
  if (!root) roots.set(session, (root = opened(session, undefined)))
  return root
}

function opened(session: SessionCore, outer: OpenSavepoint | undefined): OpenSavepoint {
  return { session, outer, last: Promise.resolve(), over: false }
}

async function within<T>(
  session: SessionCore,
  fn: () => Promise<T> | T,
  capture: ReturnType<typeof captureSite>,
): Promise<T> {
  session.requireTransactions('savepoint()')
  const name = `el_${++names}`
  await session.query(savepoint(name), capture)
  const open = opened(session, inside.getStore())
  try {
    const value = await inside.run(open, fn)
    await open.last
    // Refused where the function swallowed the error of a statement: then there is nothing that could be kept.
    await session.query(releaseSavepoint(name), capture)
    return value
  } catch (error) {
    // One inside that still runs would go on after the rollback, and be kept.
    await open.last
    // The function's own error is the one that matters; a connection that is gone has rolled back anyway.
    await session.query(rollbackToSavepoint(name), capture).catch(() => {})
    throw error
  } finally {
    open.over = true
  }
}
