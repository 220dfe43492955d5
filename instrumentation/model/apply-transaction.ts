import {
  KIND,
  type SavepointRow,
  type SessionEndingRow,
  type TransactionEndRow,
  type TransactionFailedRow,
  type TransactionStartRow,
} from './rows.ts'
import { keep, ownerOf, replace } from './apply-request.ts'
import { takeIntoTransaction } from './apply-statement.ts'
import type { Draft, Texts } from './draft.ts'
import { settleLane } from './lane.ts'
import type { Transaction } from './state.ts'

type TransactionRow =
  | TransactionStartRow
  | TransactionEndRow
  | TransactionFailedRow
  | SavepointRow
  | SessionEndingRow

/** Transactions as the server reports them. */
export function applyTransaction(draft: Draft, row: TransactionRow, texts: Texts): void {
  switch (row[1]) {
    case KIND.transactionStart:
      return started(draft, row, texts)
    case KIND.transactionEnd: {
      const [, , at, id, outcome, asked, statements] = row
      const transaction = draft.get('transactions', id)
      if (!transaction) return
      update(draft, { ...transaction, endedAt: at, outcome, asked, statements })
      draft.delete('transactions', id)
      const connection = draft.edit('connections', transaction.connection)
      if (connection?.transaction === id) connection.transaction = null
      settleLane(draft, transaction.connection, at)
      return
    }
    case KIND.transactionFailed: {
      const [, , at, id, statement, code] = row
      const transaction = draft.get('transactions', id)
      if (!transaction) return
      update(draft, { ...transaction, failed: { at, statement, code } })
      settleLane(draft, transaction.connection, at)
      return
    }
    case KIND.savepoint: {
      const [, , at, id, name, action] = row
      const transaction = draft.get('transactions', id)
      if (!transaction) return
      const savepoints = [...transaction.savepoints, { name, action, at }]
      // A failed transaction becomes usable again only by going back to a savepoint.
      const failed = action === 'rolled back' ? null : transaction.failed
      update(draft, { ...transaction, savepoints, failed })
      settleLane(draft, transaction.connection, at)
      return
    }
    case KIND.sessionEnding: {
      const [, , at, session, why, site] = row
      const transaction = openOf(draft, session)
      if (!transaction) return
      const ending = { at, why, site: site === null ? null : texts(site) }
      return update(draft, { ...transaction, ending })
    }
    default:
      row satisfies never
  }
}

/** The session's open transaction. */
export function openOf(draft: Draft, session: string): Transaction | undefined {
  const request = draft.get('requests', draft.get('sessions', session) ?? '')
  return request?.transactions.findLast(t => t.session === session && t.endedAt === null)
}

function started(draft: Draft, row: TransactionStartRow, texts: Texts): void {
  const [, , at, id, connectionId, checkout, session, request, site] = row
  const connection = draft.edit('connections', connectionId)
  begin(draft, {
    id,
    request: ownerOf(draft, request, at),
    connection: connectionId,
    engine: connection?.engine ?? '',
    checkout,
    session,
    site: site === null ? null : texts(site),
    startedAt: at,
    endedAt: null,
    ending: null,
    commit: null,
    failed: null,
    outcome: null,
    asked: null,
    statements: 0,
    savepoints: [],
  })
  if (connection) {
    connection.transaction = id
    takeIntoTransaction(draft, connection.running, id)
  }
  settleLane(draft, connectionId, at)
}

function begin(draft: Draft, transaction: Transaction): void {
  draft.set('transactions', transaction.id, transaction)
  const request = draft.edit('requests', transaction.request)
  if (request) keep(request.transactions, transaction)
}

export function update(draft: Draft, transaction: Transaction): void {
  draft.set('transactions', transaction.id, transaction)
  const request = draft.edit('requests', transaction.request)
  if (request) replace(request.transactions, transaction)
}
