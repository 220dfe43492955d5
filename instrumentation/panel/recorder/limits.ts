/** How much a recorder may hold. */
export interface RecorderLimits {
  /** For the recent rows. Default 8 MiB. */
  ringBytes: number
  /** For the distinct texts: SQL, labels, lines of code. Default 4 MiB. */
  dictionaryBytes: number
  /** For the requests kept aside. Default 2 MiB. */
  keptBytes: number
  /** How many requests that were slow, failed, aborted or leaked are kept aside. Default 100. */
  requestsKept: number
  /** How many statements of one request are recorded in full; the rest is counted. Default 500. */
  statementsPerRequest: number
  /** A request that took longer is slow. Default 500. */
  slowMs: number
}

export const DEFAULT_LIMITS: RecorderLimits = {
  ringBytes: 8 * 1024 * 1024,
  dictionaryBytes: 4 * 1024 * 1024,
  keptBytes: 2 * 1024 * 1024,
  requestsKept: 100,
  statementsPerRequest: 500,
  slowMs: 500,
}
