import { keep, ownerOf, replace } from './apply-request.ts'
import { takeIntoTransaction } from './apply-statement.ts'
import type { Draft, Reducer } from './draft.ts'
import { settleLane } from './lane.ts'
import type { Transaction } from './state.ts'

/** Transactions as the server reports them. */
export const TRANSACTIONS = {
  transactionStart(draft, fact, at) {
    const { id, connection: connectionId, checkout, session, request, site } = fact
    const connection = draft.edit('connections', connectionId)
    begin(draft, {
      id,
      request: ownerOf(draft, request, at),
      connection: connectionId,
      checkout,
      session,
      site,
      engine: connection?.engine ?? '',
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
  },

  transactionEnd(draft, { id, outcome, asked, statements }, at) {
    const transaction = draft.get('transactions', id)
    if (!transaction) return
    update(draft, { ...transaction, endedAt: at, outcome, asked, statements })
    draft.delete('transactions', id)
    const connection = draft.edit('connections', transaction.connection)
    if (connection?.transaction === id) connection.transaction = null
    settleLane(draft, transaction.connection, at)
  },

  transactionFailed(draft, { id, statement, code }, at) {
    const transaction = draft.get('transactions', id)
    if (!transaction) return
    update(draft, { ...transaction, failed: { at, statement, code } })
    settleLane(draft, transaction.connection, at)
  },

  savepoint(draft, { id, name, action }, at) {
    const transaction = draft.get('transactions', id)
    if (!transaction) return
    const savepoints = [...transaction.savepoints, { name, action, at }]
    // A failed transaction becomes usable again only by going back to a savepoint.
    const failed = action === 'rolled back' ? null : transaction.failed
    update(draft, { ...transaction, savepoints, failed })
    settleLane(draft, transaction.connection, at)
  },

  sessionEnding(draft, { id, why, site }, at) {
    const transaction = openOf(draft, id)
    if (transaction) update(draft, { ...transaction, ending: { at, why, site } })
  },
} satisfies Partial<Reducer>

/** The session's open transaction. */
export function openOf(draft: Draft, session: string): Transaction | undefined {
  const request = draft.get('requests', draft.get('sessions', session) ?? '')
  return request?.transactions.findLast(t => t.session === session && t.endedAt === null)
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
