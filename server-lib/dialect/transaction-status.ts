/** What the server has said last of the transaction on a connection; `unknown` where it has said nothing yet, or cannot. */
export type TransactionStatus = 'none' | 'open' | 'failed' | 'unknown'

/** Whether a transaction is known to be open, failed or not. */
export function isOpen(status: TransactionStatus): boolean {
  return status === 'open' || status === 'failed'
}
