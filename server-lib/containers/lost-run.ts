import { EnginelightError, warn } from '../channels/errors.ts'
import { siteOf } from '../identity/site.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import type { SessionCore } from '../sessions/session.ts'
import { ToldLines } from '../sessions/told-lines.ts'

/** Warnings given already, by the run and the lines that wrote. */
const told = new ToldLines()

/**
 * The error for a joined run whose writes are about to be rolled back; undefined where nothing is lost. Warns once for
 * each line.
 */
export function lostRun(
  run: string,
  { label, id }: RequestScope,
  sessions: readonly SessionCore[],
): EnginelightError | undefined {
  const lost = sessions.flatMap(({ engine: { name }, uncommitted }) =>
    uncommitted ? [{ name, line: siteOf(uncommitted.capture)?.label ?? label }] : [],
  )
  if (lost.length === 0) return undefined
  const engines = lost.map(({ name }) => `"${name}"`).join(', ')
  const sentence = `The run "${run}" took part in the container of ${label} (${id}), which ended without commit: what was written on ${engines} is rolled back. Call db.commit(), or run it with propagation 'new'.`
  const lines = lost.map(({ name, line }) => `${name} ${line}`)
  if (told.isNew(`${run} ${lines.join(' ')}`)) warn('EL_NOT_COMMITTED', sentence)
  return new EnginelightError('EL_NOT_COMMITTED', sentence)
}
