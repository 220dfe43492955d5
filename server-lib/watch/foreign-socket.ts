import type { DriverConnection } from '../postgres/driver.ts'
import { outsideOfRequests } from '../requests/request-scope.ts'
import { shadow } from './shadow.ts'

/**
 * A socket that somebody opened before we came carries the async context of that moment for life. What the server says
 * on it is told in no request, where it would be told in the one that opened it. What is bound goes back to its own from there.
 */
export function outsideOfItsOpener({ connection, native }: DriverConnection): () => void {
  // libpq's own emitter, of pg-native.
  const source = connection?.stream ?? (native as { pq?: object } | undefined)?.pq
  if (!source) return () => {}
  let watching = true
  const undo = shadow(
    source,
    'emit',
    original =>
      function emit(this: unknown, ...args) {
        return watching ? outsideOfRequests(() => original.apply(this, args)) : original.apply(this, args)
      },
  )
  return () => {
    watching = false
    undo()
  }
}
