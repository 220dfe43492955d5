import { EnginelightError } from '../channels/errors.ts'
import type { ContainerCore } from '../containers/container.ts'
import type { Db, Definitions } from '../containers/db.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { describe } from '../channels/describe.ts'

/** What mounts and the library's tests need beyond the public type. */
export interface EnginesInside<D extends Definitions = Definitions> {
  readonly names: readonly string[]
  /** The key by which a request finds its container. Sets of one `hot` key share it. */
  readonly identity: object
  /** The number of running mounted requests that may still ask for a container. */
  requests: number
  /** Whether any engine is `transactional`. */
  readonly isTransactional: boolean
  containerFor(scope: RequestScope, request: unknown): { db: Db<D>; core: ContainerCore }
}

/** Filled when a set of engines is made. */
export const insides = new WeakMap<object, EnginesInside>()

/** The inside of a set of engines. Throws EL_CONFIG for anything else. */
export function enginesInside(engines: unknown): EnginesInside {
  const inside = typeof engines === 'object' && engines !== null ? insides.get(engines) : undefined
  if (!inside) {
    const isForeign = typeof (engines as { containerFor?: unknown } | null)?.containerFor === 'function'
    throw new EnginelightError(
      'EL_CONFIG',
      isForeign
        ? 'The engines were made by another copy of enginelight: the package is installed or bundled twice.'
        : `The engines must come from createEngines(); this is ${describe(engines)}.`,
      { option: 'engines' },
    )
  }
  return inside
}
