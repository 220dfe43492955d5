import type { DriverResult } from '../postgres/driver.ts'
import type { SessionCore } from './session.ts'

/** Rows by the session that read them. A row that outlives its request keeps neither alive. */
const sessions = new WeakMap<object, WeakRef<SessionCore>>()
const references = new WeakMap<SessionCore, WeakRef<SessionCore>>()

export function rememberRows(result: DriverResult | DriverResult[] | undefined, session: SessionCore): void {
  let reference = references.get(session)
  if (!reference) references.set(session, (reference = new WeakRef(session)))
  for (const one of Array.isArray(result) ? result : [result]) {
    for (const row of one?.rows ?? [])
      if (typeof row === 'object' && row !== null) sessions.set(row, reference)
  }
}

export function coreOfRow(row: object): SessionCore | undefined {
  return sessions.get(row)?.deref()
}
