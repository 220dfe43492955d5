import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engines } from '../engine-set/engines.ts'
import type { Definitions } from '../containers/db.ts'
import { currentRequest, type RequestScope } from '../requests/request-scope.ts'

/** One within another belongs to that, and is not told of in the answer. */
const inside = new AsyncLocalStorage<true>()

/** The unit of a request that was asked for last. Those of a batch are asked for at once, and take turns. */
const last = new WeakMap<RequestScope, Promise<unknown>>()

/**
 * Runs one operation of a request (a field of a mutation, a procedure) as a unit of its own: where it fails, what it wrote is
 * undone and the rest of the request is kept. `name` is what the answer calls it.
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
