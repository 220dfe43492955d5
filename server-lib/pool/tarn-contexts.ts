import { ListenerContexts, type IsOurs } from '../watch/listener-contexts.ts'
import { shadow, type Method } from '../watch/shadow.ts'
import type { InContext } from './in-context.ts'
import type { TarnPool } from './tarn-pool.ts'

/** Connections that must not be used again. A pool that the application made does not ask knex to validate. */
const unfit = new WeakSet<object>()

export const neverAgain = (driver: object): unknown => unfit.add(driver)

/** The parts of knex's config through which the pool runs the application's code. */
interface Checking {
  readonly pool?: { readonly validate?: unknown }
  readonly connection?: unknown
  readonly connectionPool?: unknown
}

/**
 * Has a pool run its callbacks in a kept context, not in that of whatever needed or released a connection. These
 * callbacks are the opening of a connection (with `afterCreate`, and a socket that outlives any request) and its
 * validation. Listeners run in the context of their registration. The returned function takes it off again.
 */
export function keepTarnContexts(
  tarn: TarnPool,
  config: Checking,
  opens: (driver: object) => void,
  isOurs: IsOurs,
  inContext: InContext,
): () => void {
  let watching = true
  const isWatching = () => watching
  const undo = [
    shadow(tarn, 'creator', original => creating(original, opens, inContext, isWatching)),
    heardInContext(tarn, isOurs, isWatching),
  ]
  const { pool, connection, connectionPool } = config
  if (pool?.validate || typeof connection === 'function' || connectionPool) {
    const takeOff = shadow(tarn, 'validate', original => validating(original, inContext, isWatching))
    // A connection that a session has closed may still be in the pool.
    undo.push(() => tarn.free?.some(({ resource }) => unfit.has(resource)) || takeOff())
  }
  return () => {
    watching = false
    for (const takeOff of undo) takeOff()
  }
}

/** tarn takes the connection from the result of `creator`, or from the callback it passes in. */
function creating(
  original: Method,
  opens: (driver: object) => void,
  inContext: InContext,
  isWatching: () => boolean,
): Method {
  return function (...args) {
    if (!isWatching()) return original.apply(this, args)
    const opened = (driver: unknown) => {
      if (typeof driver === 'object' && driver !== null) opens(driver)
    }
    const [callback, ...rest] = args as [Method, ...unknown[]]
    const tell = (error: unknown, driver: unknown) => {
      opened(driver)
      callback(error, driver)
    }
    const answer = inContext(() => original.apply(this, [tell, ...rest]))
    if (!answer) return answer
    return Promise.resolve(answer).then(driver => {
      opened(driver)
      return driver
    })
  }
}

function validating(original: Method, inContext: InContext, isWatching: () => boolean): Method {
  return function (...args) {
    if (unfit.has(args[0] as object)) return false
    return isWatching() ? inContext(() => original.apply(this, args)) : original.apply(this, args)
  }
}

/** tarn calls its listeners one by one instead of its emitter's `emit`, and logs what one throws. */
function heardInContext(tarn: TarnPool, isOurs: IsOurs, isWatching: () => boolean): () => void {
  const { emitter } = tarn
  if (!emitter) return () => {}
  const contexts = new ListenerContexts(emitter, isOurs)
  const undo = shadow(tarn, '_executeEventHandlers', original => {
    return function execute(this: unknown, ...args) {
      const [event, ...told] = args as [string, ...unknown[]]
      if (!isWatching() || !contexts.has(event)) return original.apply(this, args)
      for (const tell of contexts.calls(event)) {
        try {
          tell(undefined, told)
        } catch (error) {
          const reason = error instanceof Error ? error.stack : String(error)
          tarn.log?.(`Tarn: event handler "${event}" threw an exception ${reason}`, 'warn')
        }
      }
      return undefined
    }
  })
  return () => {
    undo()
    contexts.leave()
  }
}
