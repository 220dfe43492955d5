import type { CommitMessage } from '../../../server-lib/channels/index.ts'
import {
  KIND,
  type AnyRow,
  type CommitEndRow,
  type CommitStartRow,
  type RecoveredRow,
  type StepStartRow,
} from '../../model/rows.ts'
import type { Ink } from './ink.ts'
import { id, idOrNull, ms } from './plain.ts'

const PARTICIPANTS = 100

/** The row for a commit's message, or for recovery's report about those left behind. */
export function commitRow(message: CommitMessage, ink: Ink): AnyRow | null {
  const at = ms(message.at)
  switch (message.phase) {
    case 'start':
      return [
        0,
        KIND.commitStart,
        at,
        id(message.id),
        id(message.request),
        id(message.mode) as CommitStartRow[5],
        idOrNull(message.transaction),
        message.participants
          .slice(0, PARTICIPANTS)
          .map(({ engine, session, role, gid }): CommitStartRow[7][number] => [
            id(engine),
            id(session),
            id(role) as CommitStartRow[7][number][2],
            idOrNull(gid),
          ]),
        ink.site(message.site),
      ]
    case 'step started':
      return [0, KIND.stepStart, at, id(message.id), id(message.engine), id(message.step) as StepStartRow[5]]
    case 'step ended':
      return [
        0,
        KIND.stepEnd,
        at,
        id(message.id),
        id(message.engine),
        id(message.step) as StepStartRow[5],
        ms(message.durationMs),
        idOrNull(message.command),
        message.error === null ? null : idOrNull(message.error.code),
        message.error === null ? null : ink.message(message.error),
      ]
    case 'end':
      return [
        0,
        KIND.commitEnd,
        at,
        id(message.id),
        id(message.outcome) as CommitEndRow[4],
        Object.entries(message.engines)
          .slice(0, PARTICIPANTS)
          .map(([engine, outcome]): CommitEndRow[5][number] => [
            id(engine),
            id(outcome) as CommitEndRow[5][number][1],
          ]),
        ms(message.durationMs),
        message.error === null ? null : idOrNull(message.error.code),
        message.error === null ? null : ink.message(message.error),
      ]
    case 'in doubt':
      return [
        0,
        KIND.inDoubt,
        at,
        id(message.engine),
        id(message.gid),
        id(message.transaction),
        ms(message.ageMs),
        ink.text(message.reason),
      ]
    case 'recovered':
      return [
        0,
        KIND.recovered,
        at,
        id(message.engine),
        id(message.gid),
        id(message.transaction),
        ms(message.ageMs),
        id(message.outcome) as RecoveredRow[7],
      ]
    default:
      message satisfies never
      return null
  }
}
