import { EnginelightError } from '../../channels/errors.ts'

/** The parts of a name. Columns are in the order of the constraint. */
export interface NameParts {
  readonly table: string
  readonly columns: readonly string[]
  /** For a foreign key. */
  readonly referredTable: string
  /** For a foreign key. */
  readonly referredColumns: readonly string[]
  /** For a check: its name within the table. */
  readonly name: string
}

/** A text with SQLAlchemy's tokens, `fk_%(table_name)s_%(column_0_N_name)s`, or a function. */
export type NameTemplate = string | ((parts: NameParts) => string)

const labels = ({ table, columns }: NameParts) => columns.map(column => `${table}_${column}`)

/**
 * The tokens. `0` is the first column, `0N` all of them joined without a separator, `0_N` all joined with underscores.
 */
const TOKENS: Record<string, (parts: NameParts) => string> = {
  table_name: ({ table }) => table,
  constraint_name: ({ name }) => name,
  column_0_name: ({ columns }) => columns[0] ?? '',
  column_0N_name: ({ columns }) => columns.join(''),
  column_0_N_name: ({ columns }) => columns.join('_'),
  column_0_label: parts => labels(parts)[0] ?? '',
  column_0N_label: parts => labels(parts).join(''),
  column_0_N_label: parts => labels(parts).join('_'),
  referred_table_name: ({ referredTable }) => referredTable,
  referred_column_0_name: ({ referredColumns }) => referredColumns[0] ?? '',
  referred_column_0N_name: ({ referredColumns }) => referredColumns.join(''),
  referred_column_0_N_name: ({ referredColumns }) => referredColumns.join('_'),
}

/** Throws EL_CONFIG for a template that names nothing, or has an unknown token. */
export function checkTemplate(key: string, template: unknown): void {
  if (typeof template === 'function') return
  if (typeof template !== 'string' || template === '') {
    wrong(key, `The convention "${key}" must be a text with tokens like %(table_name)s, or a function.`)
  }
  const unknown = [...template.matchAll(/%(?:\((\w*)\)s)?/g)].find(
    ([, token]) => !Object.hasOwn(TOKENS, token ?? ''),
  )
  if (unknown === undefined) return
  wrong(
    key,
    `The convention "${key}" has "${unknown[0]}", which is no token; there are ${Object.keys(TOKENS)
      .map(token => `%(${token})s`)
      .join(', ')}.`,
  )
}

export function fill(template: NameTemplate, parts: NameParts): string {
  if (typeof template === 'function') return template(parts)
  return template.replace(/%\((\w+)\)s/g, (_, token: string) => TOKENS[token]?.(parts) ?? '')
}

function wrong(option: string, sentence: string): never {
  throw new EnginelightError('EL_CONFIG', sentence, { option })
}
