import type { Method } from './shadow.ts'

/** Whether a knex sends a statement of its own. For as long as its `_query` runs, and no longer. */
let isSending = false

/**
 * The callback that knex hands to the driver settles a promise, whose readers have contexts of their own: it need not be
 * bound to one. What else is sent on a connection of its pool may have an application's.
 */
export const isKnexSending = (): boolean => isSending

export function sendingByKnex(original: Method): Method {
  return function (...args) {
    isSending = true
    try {
      return original.apply(this, args)
    } finally {
      isSending = false
    }
  }
}
