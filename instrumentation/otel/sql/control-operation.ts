import type { Reading } from '../../../server-lib/dialect/texts.ts'

/** By what a text asks for. Null asks nothing of a transaction, or nothing that the server takes. */
const OPERATIONS = {
  begin: 'BEGIN',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  savepoint: 'SAVEPOINT',
  release: 'RELEASE SAVEPOINT',
  'rollback to': 'ROLLBACK TO SAVEPOINT',
  prepare: 'PREPARE TRANSACTION',
  'set transaction': null,
  session: null,
  several: null,
  unclear: null,
} as const

export type ControlOperation =
  | NonNullable<(typeof OPERATIONS)[keyof typeof OPERATIONS]>
  | 'COMMIT PREPARED'
  | 'ROLLBACK PREPARED'

/** The transaction control statement at the beginning of a text, or null. Names and gids are not part of it. */
export function controlOperation({ firstControl }: Reading, text: string): ControlOperation | null {
  const control = firstControl(text)
  if (control === null) return null
  if (control.ask !== 'end prepared') return OPERATIONS[control.ask]
  return control.words === 'COMMIT PREPARED' ? 'COMMIT PREPARED' : 'ROLLBACK PREPARED'
}
