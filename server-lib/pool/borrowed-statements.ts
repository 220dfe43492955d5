import { processWide } from '../identity/process-wide.ts'

/** Whether the statement that is being sent is a borrower's. For as long as the driver's `query` runs, and no longer. */
const sending = processWide('borrowed statements', () => ({ isBorrowed: false }))

/**
 * Sends a statement of somebody who borrows the connection. It is told of once, as the borrower's: the pool that the connection
 * belongs to may be watched as well.
 */
export function sendingBorrowed<T>(send: () => T): T {
  sending.isBorrowed = true
  try {
    return send()
  } finally {
    sending.isBorrowed = false
  }
}

export const isBorrowed = (): boolean => sending.isBorrowed
