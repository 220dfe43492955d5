import type { Isolation } from '../dialect/control.ts'
import type { Language } from '../dialect/language.ts'

/** What a container requires of each transaction that takes part in its commit. */
export interface TransactionKind {
  /** Undefined means the server's default. */
  readonly isolation: Isolation | undefined
  readonly readOnly: boolean
}

export const ORDINARY: TransactionKind = { isolation: undefined, readOnly: false }

/** What a database lacks to begin a transaction of this kind, in words; undefined for one that can. */
export function missingFor(
  { isolation, readOnly }: TransactionKind,
  { readOnlyTransactions, isolations }: Language,
): string | undefined {
  if (readOnly && !readOnlyTransactions) return 'transactions that only read'
  if (isolation === undefined || isolations.includes(isolation)) return undefined
  return `the isolation level ${isolation}`
}
