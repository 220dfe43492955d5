import { KIND, type AnyRow, type Kind, type TextId } from '../../model/rows.ts'

/** Which columns of a row hold interned texts. */
const TEXT_COLUMNS: Partial<Record<Kind, readonly number[]>> = {
  [KIND.disconnected]: [4],
  [KIND.connectFailed]: [6],
  [KIND.requestStart]: [5],
  [KIND.checkoutStart]: [8, 9],
  [KIND.checkoutFailed]: [5],
  [KIND.checkoutReleased]: [4],
  [KIND.checkoutDirty]: [6],
  [KIND.checkoutKept]: [4],
  [KIND.statementStart]: [9, 12],
  [KIND.statementEnd]: [7],
  [KIND.transactionStart]: [8],
  [KIND.sessionEnding]: [5],
  [KIND.commitStart]: [8],
  [KIND.stepEnd]: [9],
  [KIND.commitEnd]: [8],
  [KIND.inDoubt]: [7],
}

export function forEachText(row: AnyRow, use: (id: TextId) => void): void {
  const columns = TEXT_COLUMNS[row[1]]
  if (columns === undefined) return
  for (const column of columns) {
    const text = row[column]
    if (typeof text === 'number') use(text)
  }
}
