/** pg-pool's own timeout: no connection was released, or the one being opened did not open. */
export function isPoolTimeout(error: unknown): error is Error {
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect'
}

/** The timeout of tarn, knex's pool: the same error for a wait and for a connection that does not open. */
export function isTarnTimeout(error: unknown): error is Error {
  return error instanceof Error && error.message === 'operation timed out for an unknown reason'
}
