import type {
  RequestMessage,
  SessionMessage,
  StatementMessage,
  TransactionMessage,
} from '../../../server-lib/channels/index.ts'
import {
  KIND,
  type AnyRow,
  type SavepointRow,
  type SessionEndingRow,
  type SessionStateRow,
  type TransactionEndRow,
} from '../../model/rows.ts'
import { modeOf } from './rows-of-pools.ts'
import type { Ink } from './ink.ts'
import { count, countOrNull, id, idOrNull, ids, ms } from './plain.ts'

export function requestRow(message: RequestMessage, ink: Ink): AnyRow | null {
  const at = ms(message.at)
  const request = id(message.id)
  switch (message.phase) {
    case 'start': {
      const kind = message.kind === 'http' || message.kind === 'scope' ? message.kind : 'unscoped'
      const label = ink.label(message.label, kind === 'http')
      return [
        0,
        KIND.requestStart,
        at,
        request,
        kind,
        label,
        idOrNull(message.attribute),
        ids(message.engines),
      ]
    }
    case 'end': {
      const { outcome } = message
      const known = outcome === 'aborted' || outcome === 'failed' ? outcome : 'finished'
      return [0, KIND.requestEnd, at, request, known, countOrNull(message.status), ids(message.unreleased)]
    }
    default:
      message satisfies never
      return null
  }
}

export function sessionRow(message: SessionMessage, ink: Ink): AnyRow | null {
  const at = ms(message.at)
  const session = id(message.id)
  switch (message.phase) {
    case 'start': {
      return [
        0,
        KIND.sessionStart,
        at,
        session,
        id(message.engine),
        id(message.request),
        modeOf(message.mode),
      ]
    }
    case 'state':
      return [0, KIND.sessionState, at, session, id(message.state) as SessionStateRow[4]]
    case 'ending':
      return [
        0,
        KIND.sessionEnding,
        at,
        session,
        id(message.why) as SessionEndingRow[4],
        ink.site(message.site),
      ]
    case 'end':
      return [0, KIND.sessionEnd, at, session, message.released === true, count(message.statements)]
    default:
      message satisfies never
      return null
  }
}

export function transactionRow(message: TransactionMessage, ink: Ink): AnyRow | null {
  const at = ms(message.at)
  const transaction = id(message.id)
  switch (message.phase) {
    case 'start':
      return [
        0,
        KIND.transactionStart,
        at,
        transaction,
        id(message.connection),
        idOrNull(message.checkout),
        idOrNull(message.session),
        idOrNull(message.request),
        ink.site(message.site),
      ]
    case 'savepoint':
      return [0, KIND.savepoint, at, transaction, id(message.name), id(message.action) as SavepointRow[5]]
    case 'failed':
      return [0, KIND.transactionFailed, at, transaction, id(message.statement), idOrNull(message.error.code)]
    case 'end':
      return [
        0,
        KIND.transactionEnd,
        at,
        transaction,
        id(message.outcome) as TransactionEndRow[4],
        idOrNull(message.asked) as TransactionEndRow[5],
        count(message.statements),
      ]
    default:
      message satisfies never
      return null
  }
}

export function statementRow(message: StatementMessage, ink: Ink): AnyRow | null {
  const at = ms(message.at)
  const statement = id(message.id)
  switch (message.phase) {
    case 'start':
      return [
        0,
        KIND.statementStart,
        at,
        statement,
        id(message.connection),
        idOrNull(message.checkout),
        idOrNull(message.session),
        idOrNull(message.request),
        idOrNull(message.transaction),
        ink.statement(message.engine, message.text, count(message.parameters)),
        count(message.parameters),
        ms(message.queuedMs),
        ink.site(message.site),
        message.kind === 'cursor' ? 1 : 0,
      ]
    case 'end':
      return [
        0,
        KIND.statementEnd,
        at,
        statement,
        countOrNull(message.rows),
        idOrNull(message.command),
        message.error === null ? null : idOrNull(message.error.code),
        message.error === null ? null : ink.message(message.error),
      ]
    default:
      message satisfies never
      return null
  }
}
