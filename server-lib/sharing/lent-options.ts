import type { ControlPolicy } from './transaction-texts.ts'

/** The options of a lent session, with every default filled in. */
export interface LentOptions {
  readonly transactionControl: ControlPolicy
  readonly guard: 'savepoint' | 'none'
}
