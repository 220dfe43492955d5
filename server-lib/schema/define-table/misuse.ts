import { EnginelightError } from '../../channels/errors.ts'
import { checkOptions, type Asker, type Needs } from '../../channels/options.ts'
import { unknownColumn } from '../unknown-column.ts'
import type { CheckedTable } from './definition.ts'

/** EL_CONFIG for an unusable argument of a finder. */
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

/** Throws EL_UNKNOWN_COLUMN, and EL_CONFIG for anything but a text. */
export function checkText(finder: string, table: CheckedTable, column: string, text: string): void {
  checkColumn(table, column)
  if (typeof text !== 'string')
    throw misuse(finder, table, `looks for a text, and not for ${typeof text}.`, 'search')
}

/** Throws EL_CONFIG for options that are not an object, and for an unknown or a wrong option. */
export function checkFinder<Options>(
  finder: string,
  { name }: CheckedTable,
  options: object,
  needs: Needs<Options>,
): void {
  const asker: Asker = {
    name: `${finder} of ${name}`,
    noObject: (_given, known) => `${finder} of ${name} takes its options as an object: { ${known} }.`,
    noOption: (option, known) =>
      `${finder} of ${name} has no option "${option}": its options are { ${known} }.`,
  }
  checkOptions(asker, options, needs)
}
