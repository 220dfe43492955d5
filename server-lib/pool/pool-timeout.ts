/** pg-pool's own deadline has passed: nobody has released a connection, or the one that was being opened did not open. */
export function isPoolTimeout(error: unknown): error is Error {
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect'
}

/** The deadline of tarn, knex's pool, which says the same of a wait and of a connection that does not open. */
export function isTarnTimeout(error: unknown): error is Error {
  return error instanceof Error && error.message === 'operation timed out for an unknown reason'
}
