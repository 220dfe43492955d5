import { EnginelightError } from '../../channels/errors.ts'
import { unknownColumn } from '../unknown-column.ts'
import type { CheckedTable } from './definition.ts'

/** EL_CONFIG: what a finder was given that it cannot work with. */
export function misuse(
  finder: string,
  { name }: CheckedTable,
  sentence: string,
  option: string,
): EnginelightError {
  return new EnginelightError('EL_CONFIG', `${finder} of ${name} ${sentence}`, { option })
}

/** Throws EL_UNKNOWN_COLUMN. */
export function checkColumn({ name, columns }: CheckedTable, column: string): void {
  if (!columns.includes(column)) throw unknownColumn(name, String(column), columns)
}

/** Throws EL_UNKNOWN_COLUMN, and EL_CONFIG for what is no text. */
export function checkText(finder: string, table: CheckedTable, column: string, text: string): void {
  checkColumn(table, column)
  if (typeof text !== 'string')
    throw misuse(finder, table, `looks for a text, and not for ${typeof text}.`, 'search')
}

/** Throws EL_CONFIG for what are no options, and for one that there is not: it would silently do nothing. */
export function checkOptions(
  finder: string,
  table: CheckedTable,
  options: object,
  known: readonly string[],
): void {
  const has = `{ ${known.join(', ')} }`
  if (typeof options !== 'object' || options === null) {
    throw misuse(finder, table, `takes its options as an object: ${has}.`, 'options')
  }
  const unknown = Object.keys(options).find(option => !known.includes(option))
  if (unknown !== undefined) {
    throw misuse(finder, table, `has no option "${unknown}": its options are ${has}.`, unknown)
  }
}
