import type { Isolation } from '../postgres/control.ts'

/** What a container asks of each transaction that takes part in its commit. */
export interface TransactionKind {
  /** Undefined leaves it to the server. */
  readonly isolation: Isolation | undefined
  readonly readOnly: boolean
}

export const ORDINARY: TransactionKind = { isolation: undefined, readOnly: false }
