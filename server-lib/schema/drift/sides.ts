import type { ForeignKey, Table, Unsaid } from '../table.ts'
import type { Found } from './difference.ts'

export type Said = (what: Unsaid) => boolean

/** A table in the database, and in the models. */
export interface Sides {
  readonly table: Table
  readonly models: Table
  readonly said: Said
  /** Whether both sides have all of these columns. What depends on a missing column is not reported again. */
  readonly isOn: (columns: readonly string[]) => boolean
  /** The same for an expression. */
  readonly isWhole: (expression: string) => boolean
  /** Whether the database has that table at all. */
  readonly isThere: (place: ForeignKey['references']) => boolean
}

export function at(
  { models }: Sides,
  name: string | null,
): Pick<Found, 'schema' | 'table' | 'column' | 'name'> {
  return { schema: models.schema, table: models.name, column: null, name }
}
