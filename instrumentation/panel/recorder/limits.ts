/** How much a recorder may hold. */
export interface RecorderLimits {
  /** Of the rows of late. Default 8 MiB. */
  ringBytes: number
  /** Of the different texts: SQL, labels, lines of code. Default 4 MiB. */
  dictionaryBytes: number
  /** Of the requests kept aside. Default 2 MiB. */
  keptBytes: number
  /** How many requests that were slow, failed, aborted or leaked are kept aside. Default 100. */
  requestsKept: number
  /** How many statements of one request are told in full; the others are counted. Default 500. */
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
