import type { DriverResult } from '../dialect/result.ts'

/** The session that read each row. A row that outlives its request keeps neither alive. */
const sessions = new WeakMap<object, WeakRef<object>>()
const references = new WeakMap<object, WeakRef<object>>()

export function rememberRows(result: DriverResult | DriverResult[] | undefined, session: object): void {
  let reference = references.get(session)
  if (!reference) references.set(session, (reference = new WeakRef(session)))
  for (const one of Array.isArray(result) ? result : [result]) {
    for (const row of one?.rows ?? [])
      if (typeof row === 'object' && row !== null) sessions.set(row, reference)
  }
}

/** The session that read a row: the object that `rememberRows` was given. */
export function readerOf(row: object): object | undefined {
  return sessions.get(row)?.deref()
}
