import { EnginelightError } from '../channels/errors.ts'

export function unknownColumn(table: string, column: string, known: readonly string[]): EnginelightError {
  return new EnginelightError(
    'EL_UNKNOWN_COLUMN',
    `${table} has no column ${JSON.stringify(column)}; it has ${known.join(', ')}.`,
    { known },
  )
}
