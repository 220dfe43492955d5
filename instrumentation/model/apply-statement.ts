import { KIND, type StatementEndRow, type StatementStartRow } from './rows.ts'
import { keep, ownerOf, replace } from './apply-request.ts'
import type { Draft, Texts } from './draft.ts'
import { settleLane } from './lane.ts'
import type { Statement } from './state.ts'

/** Statements on the wire: sent, answered. */
export function applyStatement(draft: Draft, row: StatementStartRow | StatementEndRow, texts: Texts): void {
  switch (row[1]) {
    case KIND.statementStart: {
      const [
        ,
        ,
        at,
        id,
        connectionId,
        checkout,
        session,
        request,
        transaction,
        text,
        parameters,
        queuedMs,
        site,
        cursor,
      ] = row
      const connection = draft.edit('connections', connectionId)
      const statement: Statement = {
        id,
        request: ownerOf(draft, request, at),
        connection: connectionId,
        engine: connection?.engine ?? '',
        checkout,
        session,
        transaction,
        text: texts(text),
        parameters,
        queuedMs,
        site: site === null ? null : texts(site),
        cursor: cursor === 1,
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
      return
    }
    case KIND.statementEnd: {
      const [, , at, id, rows, command, code, message] = row
      const statement = draft.get('statements', id)
      if (!statement) return
      const error =
        code === null && message === null ? null : { code, message: message === null ? '' : texts(message) }
      const ended: Statement = { ...statement, endedAt: at, rows, command, error }
      update(draft, ended)
      draft.delete('statements', id)
      const connection = draft.edit('connections', statement.connection)
      if (!connection) return
      connection.running = connection.running.filter(other => other !== id)
      if (connection.lastStatement?.id === id) connection.lastStatement = ended
      settleLane(draft, statement.connection, at)
      return
    }
    default:
      row satisfies never
  }
}

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
