import { POOLS } from './apply-pool.ts'
import { CHECKOUTS } from './apply-checkout.ts'
import { COMMITS } from './apply-commit.ts'
import { PROCESS } from './apply-process.ts'
import { REQUESTS } from './apply-request.ts'
import { STATEMENTS } from './apply-statement.ts'
import { TRANSACTIONS } from './apply-transaction.ts'
import { decode, kindOf, type Row, type Texts } from './codec.ts'
import { Draft, type Reducer } from './draft.ts'
import type { Time } from './rows.ts'
import type { PanelState } from './state.ts'

const REDUCER: Reducer = {
  ...POOLS,
  ...REQUESTS,
  ...CHECKOUTS,
  ...STATEMENTS,
  ...TRANSACTIONS,
  ...COMMITS,
  ...PROCESS,
}

/** The state after these rows. */
export function apply(state: PanelState, rows: readonly Row[], texts: Texts): PanelState {
  if (rows.length === 0) return state
  const draft = new Draft(state)
  applyTo(draft, rows, texts)
  return draft.state
}

/** The same for a draft that goes on. A row of an unknown kind changes only the sequence number. */
export function applyTo(draft: Draft, rows: readonly Row[], texts: Texts): void {
  for (const row of rows) {
    const kind = kindOf(row)
    if (kind !== undefined) {
      const change = REDUCER[kind] as (draft: Draft, fact: object, at: Time) => void
      change(draft, decode(kind, row, texts), row[2])
    }
    draft.advance(row[0])
  }
}
