import type { ForeignKey, Table, Unsaid } from '../table.ts'
import type { Found } from './difference.ts'

export type Said = (what: Unsaid) => boolean

/** A table as it is, and as the models have it. */
export interface Sides {
  readonly table: Table
  readonly models: Table
  readonly said: Said
  /** Whether all of the columns are on both sides. What hangs on one that is not goes with it, and is not told again. */
  readonly isOn: (columns: readonly string[]) => boolean
  /** The same of an expression. */
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
