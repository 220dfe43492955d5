import type { Submittable } from '../postgres/driver.ts'
import { boundTo, contextHere } from './caller-context.ts'
import { shadow, type Method } from './shadow.ts'

/** What the driver tells a cursor, but for its rows: those are told of in batches, by the others. */
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
 * Lets a cursor, stream or pg Query be served in the async context that it is sent in. The driver tells it in the one
 * that opened the socket, which is another request's or nobody's, and so its reader's listeners would run there. The
 * returned function takes it off again.
 */
export function bindToContext(submittable: Submittable): () => void {
  const context = contextHere()
  const { cursor = submittable } = submittable
  const undo = TOLD.map(name => shadow(submittable, name, original => boundTo(context, original)))
  undo.push(
    shadow(submittable, 'handleDataRow', original => {
      const inContext = boundTo(context, original)
      // Each row by itself is told of only where somebody listens for that.
      return function (this: unknown, ...args) {
        return Reflect.apply(cursor.listenerCount?.('row') ? inContext : original, this, args)
      }
    }),
    // pg-cursor calls back from the socket, when what it sends to the server is answered.
    shadow(cursor, 'close', original => {
      return function (this: unknown, ...args) {
        const [done] = args
        return original.apply(this, typeof done === 'function' ? [boundTo(context, done as Method)] : args)
      }
    }),
  )
  return () => undo.forEach(takeOff => takeOff())
}
