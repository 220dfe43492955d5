import { EnginelightError } from '../channels/errors.ts'
import { MOST_BYTES } from './kept-name.ts'

/**
 * Throws EL_CONFIG for a name that knex would not take as it is: it splits at dots, reads ` as ` as an alias, `*` as
 * all columns and `?` as a parameter, and trims. No quoting helps; such a name can only be written as raw SQL. Also
 * throws for a name that PostgreSQL would cut off, because rows would come back under another.
 */
export function checkKnexName(kind: 'schema' | 'table' | 'column' | 'alias', name: string): void {
  const bytes = Buffer.byteLength(name)
  if (bytes > MOST_BYTES && kind !== 'alias') {
    throw new EnginelightError(
      'EL_CONFIG',
      `The ${kind} name ${JSON.stringify(name)} has ${bytes} bytes: PostgreSQL cuts it off after ${MOST_BYTES}.`,
      { option: kind },
    )
  }
  if (name !== '' && name !== '*' && name.trim() === name && !/[.?\0]| as /i.test(name)) return
  throw new EnginelightError(
    'EL_CONFIG',
    `knex cannot be given the ${kind} name ${JSON.stringify(name)}: it would read something else from it. Write it as raw SQL.`,
    { option: kind },
  )
}
