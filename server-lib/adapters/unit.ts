import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engines } from '../engine-set/engines.ts'
import type { Definitions } from '../containers/db.ts'
import { currentRequest, type RequestScope } from '../requests/request-scope.ts'

/** A nested unit belongs to its outer unit, and the answer does not report it. */
const inside = new AsyncLocalStorage<true>()

/** The last unit that a request has started. A batch starts all of its units at once, and they take turns. */
const last = new WeakMap<RequestScope, Promise<unknown>>()

/**
 * Runs one operation of a request (a field of a mutation, a procedure) as a unit of its own: if it fails, what it wrote
 * is undone and the rest of the request is kept. `name` is the operation's name in the answer.
 */
export async function runUnit<D extends Definitions, T>(
  engines: Engines<D>,
  name: string,
  label: string,
  work: () => Promise<T>,
): Promise<T> {
  const run = () => engines.run(work, { propagation: 'nested', label })
  const scope = inside.getStore() ? undefined : currentRequest()
  if (!scope) return run()
  const undone = (scope.undone ??= [])
  const before = last.get(scope) ?? Promise.resolve()
  const done = before.then(() => inside.run(true, run))
  last.set(
    scope,
    done.catch(() => {}),
  )
  return done.catch((error: unknown) => {
    undone.push(name)
    throw error
  })
}
