import type { Submittable } from './driver.ts'
import { boundTo, contextHere } from '../watch/caller-context.ts'
import { shadow, type Method } from '../watch/shadow.ts'

/** What the driver calls on a cursor, except for rows: the other calls report those in batches. */
const TOLD = [
  'handleRowDescription',
  'handlePortalSuspended',
  'handleCommandComplete',
  'handleEmptyQuery',
  'handleReadyForQuery',
  'handleError',
  'handleCopyInResponse',
  'handleCopyData',
]

/**
 * Serves a cursor, stream or pg Query in the async context that sends it. The driver calls it in the context that
 * opened the socket, which is another request's or none, and the reader's listeners would run there. The returned
 * function takes it off again.
 */
export function bindToContext(submittable: Submittable): () => void {
  const context = contextHere()
  const { cursor = submittable } = submittable
  const undo = TOLD.map(name => shadow(submittable, name, original => boundTo(context, original)))
  undo.push(
    shadow(submittable, 'handleDataRow', original => {
      const inContext = boundTo(context, original)
      // Single rows are reported only where something listens for them.
      return function (this: unknown, ...args) {
        return Reflect.apply(cursor.listenerCount?.('row') ? inContext : original, this, args)
      }
    }),
    // pg-cursor calls back from the socket, when the server has answered its close.
    shadow(cursor, 'close', original => {
      return function (this: unknown, ...args) {
        const [done] = args
        return original.apply(this, typeof done === 'function' ? [boundTo(context, done as Method)] : args)
      }
    }),
  )
  return () => undo.forEach(takeOff => takeOff())
}
