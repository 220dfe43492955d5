import { KIND, type AnyRow } from './rows.ts'
import { applyCheckout } from './apply-checkout.ts'
import { applyCommit } from './apply-commit.ts'
import { applyPool } from './apply-pool.ts'
import { applyRequest } from './apply-request.ts'
import { applyStatement } from './apply-statement.ts'
import { applyTransaction } from './apply-transaction.ts'
import { Draft, type Texts } from './draft.ts'
import type { PanelState } from './state.ts'

/** The state after these rows. A row of an unknown kind changes only the sequence number. */
export function apply(state: PanelState, rows: readonly AnyRow[], texts: Texts): PanelState {
  if (rows.length === 0) return state
  const draft = new Draft(state)
  for (const row of rows) {
    applyRow(draft, row, texts)
    draft.advance(row[0])
  }
  return draft.state
}

function applyRow(draft: Draft, row: AnyRow, texts: Texts): void {
  switch (row[1]) {
    case KIND.engine:
    case KIND.engineClosed:
    case KIND.connected:
    case KIND.disconnected:
    case KIND.connectFailed:
      return applyPool(draft, row, texts)
    case KIND.requestStart:
    case KIND.requestEnd:
    case KIND.sessionStart:
    case KIND.sessionState:
    case KIND.sessionEnd:
    case KIND.statementsOmitted:
      return applyRequest(draft, row, texts)
    case KIND.checkoutStart:
    case KIND.checkoutAcquired:
    case KIND.checkoutFailed:
    case KIND.checkoutReleased:
    case KIND.checkoutDirty:
    case KIND.checkoutKept:
      return applyCheckout(draft, row, texts)
    case KIND.statementStart:
    case KIND.statementEnd:
      return applyStatement(draft, row, texts)
    case KIND.transactionStart:
    case KIND.transactionEnd:
    case KIND.transactionFailed:
    case KIND.savepoint:
    case KIND.sessionEnding:
      return applyTransaction(draft, row, texts)
    case KIND.commitStart:
    case KIND.stepStart:
    case KIND.stepEnd:
    case KIND.commitEnd:
    case KIND.inDoubt:
    case KIND.recovered:
      return applyCommit(draft, row, texts)
    default:
      row satisfies never
  }
}
