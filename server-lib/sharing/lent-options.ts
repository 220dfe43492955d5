import type { ControlPolicy } from './transaction-texts.ts'

/** What is asked of a lent session, with everything filled in. */
export interface LentOptions {
  readonly transactionControl: ControlPolicy
  readonly guard: 'savepoint' | 'none'
}
