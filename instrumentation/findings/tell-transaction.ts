import { fateOf, whyOf, type Fate } from '../model/fate.ts'
import type { Commit, PanelState, Request, Transaction } from '../model/state.ts'

/** A transaction with everything needed to describe it. */
export interface Told {
  readonly transaction: Transaction
  readonly request: Request | undefined
  readonly commit: Commit | undefined
  readonly fate: Fate
  readonly why: string
  readonly site: string | null
}

const known = new WeakMap<Transaction, Told>()

export function tellOf(state: PanelState, transaction: Transaction): Told {
  const before = known.get(transaction)
  const request = state.requests.get(transaction.request)
  const commit = transaction.commit === null ? undefined : state.commits.get(transaction.commit)
  // Called four times a second for two thousand transactions, nearly all of them unchanged.
  if (before && before.fate !== 'prepared' && before.commit === commit && before.request === request)
    return before
  const fate = fateOf(transaction, request, commit, state.doubts)
  const told = { transaction, request, commit, fate, ...whyOf(transaction, request) }
  known.set(transaction, told)
  return told
}

/** Whether its commit has several participants; otherwise the commit is not worth showing. */
export const isShared = (commit: Commit | undefined): commit is Commit =>
  commit !== undefined && commit.participants.length > 1
