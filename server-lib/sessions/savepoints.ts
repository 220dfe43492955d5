import { AsyncLocalStorage } from 'node:async_hooks'
import { captureSite } from '../identity/site.ts'
import { releaseSavepoint, rollbackToSavepoint, savepoint } from '../postgres/control.ts'
import type { SessionCore } from './session.ts'

/** An open savepoint: those that are opened within it, and those that wait beside it. */
interface OpenSavepoint {
  readonly session: SessionCore
  readonly depth: number
  /** The last one opened directly inside of this one; the next waits for it. */
  last: Promise<unknown>
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
    () => within(session, parent, fn, capture),
    () => within(session, parent, fn, capture),
  )
  // Those who wait need to know when it is over, not how it went.
  parent.last = run.catch(() => {})
  return run
}

function parentOf(session: SessionCore): OpenSavepoint {
  const open = inside.getStore()
  if (open?.session === session) return open
  let root = roots.get(session)
  if (!root) roots.set(session, (root = { session, depth: 0, last: Promise.resolve() }))
  return root
}

async function within<T>(
  session: SessionCore,
  parent: OpenSavepoint,
  fn: () => Promise<T> | T,
  capture: ReturnType<typeof captureSite>,
): Promise<T> {
  session.requireTransactions('savepoint()')
  const name = `el_${++names}`
  await session.query(savepoint(name), capture)
  const open: OpenSavepoint = { session, depth: parent.depth + 1, last: Promise.resolve() }
  let value: T
  try {
    value = await inside.run(open, fn)
    await open.last
  } catch (error) {
    // The function's own error is the one that matters; a connection that is gone has rolled back anyway.
    await session.query(rollbackToSavepoint(name), capture).catch(() => {})
    throw error
  }
  await session.query(releaseSavepoint(name), capture)
  return value
}
