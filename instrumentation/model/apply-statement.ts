import { keep, ownerOf, replace } from './apply-request.ts'
import type { Draft, Reducer } from './draft.ts'
import { settleLane } from './lane.ts'
import type { Failure, Statement } from './state.ts'

/** Statements on the wire: sent, answered. */
export const STATEMENTS = {
  statementStart(draft, fact, at) {
    const { id, connection: connectionId } = fact
    const connection = draft.edit('connections', connectionId)
    // Written out: at the rate of statements a spread would cost several times as much.
    const statement: Statement = {
      id,
      request: ownerOf(draft, fact.request, at),
      connection: connectionId,
      checkout: fact.checkout,
      session: fact.session,
      transaction: fact.transaction,
      text: fact.text,
      parameters: fact.parameters,
      queuedMs: fact.queuedMs,
      site: fact.site,
      cursor: fact.cursor,
      valuesHash: fact.valuesHash,
      within: fact.within,
      engine: connection?.engine ?? '',
      startedAt: at,
      endedAt: null,
      rows: null,
      command: null,
      error: null,
    }
    begin(draft, statement)
    if (!connection) return
    connection.running.push(id)
    connection.lastStatement = statement
    settleLane(draft, connectionId, at)
  },

  statementEnd(draft, fact, at) {
    const { id, rows, command } = fact
    const statement = draft.get('statements', id)
    if (!statement) return
    const ended: Statement = { ...statement, endedAt: at, rows, command, error: failureOf(fact) }
    update(draft, ended)
    draft.delete('statements', id)
    const connection = draft.edit('connections', statement.connection)
    if (!connection) return
    connection.running = connection.running.filter(other => other !== id)
    if (connection.lastStatement?.id === id) connection.lastStatement = ended
    settleLane(draft, statement.connection, at)
  },

  statementsCounted(draft, { id, ...counted }) {
    const request = draft.edit('requests', id)
    if (request) renew(request.counted, counted)
  },

  executionCounted(draft, { id, ...stretch }) {
    const request = draft.edit('requests', id)
    if (request) renew(request.stretches, stretch)
    const connection = draft.edit('connections', stretch.connection)
    if (!connection) return
    if (stretch.until === null) connection.counting = id
    else if (connection.counting === id) connection.counting = null
    settleLane(draft, connection.id, stretch.until ?? stretch.from)
  },
} satisfies Partial<Reducer>

function renew<T extends { readonly part: number }>(list: T[], item: T): void {
  const index = list.findIndex(({ part }) => part === item.part)
  if (index < 0) list.push(item)
  else list[index] = item
}

export const failureOf = (fact: { code: string | null; message: string | null }): Failure | null =>
  fact.code === null && fact.message === null ? null : { code: fact.code, message: fact.message ?? '' }

/** The process has a lower limit per request by default; this one matters only if that was raised. */
const STATEMENTS_KEPT = 10_000

function begin(draft: Draft, statement: Statement): void {
  draft.set('statements', statement.id, statement)
  const request = draft.edit('requests', statement.request)
  if (!request) return
  if (request.kind === 'no context') keep(request.statements, statement)
  else keep(request.statements, statement, STATEMENTS_KEPT)
}

/** A transaction has begun on a connection: statements pipelined with its BEGIN were sent before and run in it. */
export function takeIntoTransaction(draft: Draft, running: readonly string[], transaction: string): void {
  for (const id of running) {
    const statement = draft.get('statements', id)
    if (statement?.transaction === null) update(draft, { ...statement, transaction })
  }
}

function update(draft: Draft, statement: Statement): void {
  draft.set('statements', statement.id, statement)
  const request = draft.edit('requests', statement.request)
  if (request) replace(request.statements, statement)
}
