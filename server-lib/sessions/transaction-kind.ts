import type { Isolation } from '../dialect/control.ts'

/** What a container requires of each transaction that takes part in its commit. */
export interface TransactionKind {
  /** Undefined means the server's default. */
  readonly isolation: Isolation | undefined
  readonly readOnly: boolean
}

export const ORDINARY: TransactionKind = { isolation: undefined, readOnly: false }
