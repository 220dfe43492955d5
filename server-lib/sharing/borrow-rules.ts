import type { ControlPolicy } from './transaction-texts.ts'

/** How connections of a host are borrowed, with every default filled in. */
export interface BorrowRules {
  /** What happens to BEGIN, COMMIT and ROLLBACK that the borrower sends as text. */
  readonly transactionControl: ControlPolicy
  readonly guard: 'savepoint' | 'none'
  readonly access: 'read' | 'write'
  /** Whether statements are refused where the host has no transaction open. */
  readonly requireTransaction: boolean
  /** How long a borrower waits for the connection, and the host for a borrower, in milliseconds. */
  readonly checkoutTimeoutMs: number
}
