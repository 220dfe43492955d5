import type {
  Column,
  Constraint,
  EnumType,
  ForeignKey,
  Index,
  ReferentialAction,
  RelationKind,
  UniqueKey,
} from '../table.ts'

/** A column as a host describes it, with its type still in the host's spelling. What is left out is null. */
export interface DraftColumn {
  readonly name: string
  /** As the model names it; `integer[]` or `isArray` for an array. */
  readonly type: string
  /** The host's own name of the type, if that is not SQL: Sequelize's `STRING`. */
  readonly hostType?: string
  readonly isArray?: boolean
  /** Set if the type is an enum of the database. Its name is then the type, whatever `type` says. */
  readonly enumType?: { readonly schema: string; readonly name: string; readonly values: readonly string[] }
  readonly nullable: boolean
  readonly default?: string | null
  readonly isSerial?: boolean
  readonly identity?: 'always' | 'by default' | null
  readonly generated?: string | null
  /** For a generated column. */
  readonly generation?: Column['generation']
  readonly collation?: string | null
  readonly comment?: string | null
  /** The host's own object. */
  readonly definition: unknown
}

export interface DraftTable {
  readonly schema: string
  readonly name: string
  readonly kind?: RelationKind
  readonly columns: readonly DraftColumn[]
  readonly primaryKey?: UniqueKey | null
  readonly uniques?: readonly UniqueKey[]
  readonly foreignKeys?: readonly ForeignKey[]
  readonly checks?: readonly Constraint[]
  readonly exclusions?: readonly Constraint[]
  readonly indexes?: readonly Index[]
  readonly comment?: string | null
}

export interface Drafts {
  readonly tables: readonly DraftTable[]
  /** Enums that no column uses; those of columns are found by themselves. */
  readonly enums?: readonly EnumType[]
}

const ACTIONS: readonly ReferentialAction[] = ['no action', 'restrict', 'cascade', 'set null', 'set default']

/** A referential action in any case; `no action` if the host names none, which is PostgreSQL's default. */
export function action(text: string | null | undefined): ReferentialAction {
  const lower = text?.toLowerCase().replaceAll('_', ' ')
  return ACTIONS.find(known => known === lower) ?? 'no action'
}

/** Reads `INITIALLY DEFERRED` and the like. */
export function deferrable(text: string | null | undefined): ForeignKey['deferrable'] {
  if (!text) return 'not deferrable'
  return /deferred/i.test(text)
    ? 'initially deferred'
    : /immediate/i.test(text)
      ? 'initially immediate'
      : 'not deferrable'
}

/** An index of plain columns. */
export function columnIndex(
  name: string,
  columns: readonly string[],
  {
    unique = false,
    method = 'btree',
    predicate = null,
  }: { unique?: boolean; method?: string; predicate?: string | null } = {},
): Index {
  return {
    name,
    method,
    unique,
    keys: columns.map(column => ({ column, expression: null })),
    predicate,
    definition: null,
  }
}
