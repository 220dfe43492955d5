import { EnginelightError } from '../channels/errors.ts'
import type { DriverConnection } from '../dialect/connection.ts'
import type { Books } from './books.ts'

/**
 * The error for releasing a connection that a session holds by now. The caller had it before, and released it then.
 * Both pools would take it from the session and grant it to a third while the session goes on using it.
 */
export function staleRelease(books: Books, driver: DriverConnection): EnginelightError {
  const record = books.recordOf(driver)
  const { session, request } = record?.checkout ?? {}
  const holder = [session && `Session ${session}`, request].filter(Boolean).join(' of ')
  return new EnginelightError(
    'EL_STALE_RELEASE',
    `Connection ${record?.id ?? '(gone)'} of engine "${books.engine}" was released by code that no longer holds it. ${holder || 'A session'} holds it and keeps it.`,
    { engine: books.engine, pool: books.pool, connection: record?.id, session: session ?? undefined },
  )
}

/** The same as a warning, where the pool answers an unknown connection with silence. */
export function warnOfStaleRelease(error: EnginelightError): void {
  // The stack shows the caller.
  process.emitWarning(Object.assign(error, { name: 'EnginelightWarning' }))
}
