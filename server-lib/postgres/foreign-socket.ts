import type { PgClient } from './driver.ts'
import { outsideOfRequests } from '../requests/request-scope.ts'
import { shadow } from '../watch/shadow.ts'

/**
 * A socket that was opened before we watched keeps the async context of that moment for life. Runs its events in no
 * request, rather than in the one that opened it. Bound listeners switch from there to their own context.
 */
export function outsideOfItsOpener({ connection, native }: PgClient): () => void {
  // libpq's own emitter, in pg-native.
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
