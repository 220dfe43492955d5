/**
 * The kind of a relation. `partition` is a table that belongs to a partitioned one. A partition that is itself
 * partitioned or foreign has that kind instead, and still has its `partitionOf`.
 */
export type RelationKind =
  | 'table'
  | 'partitioned table'
  | 'partition'
  | 'foreign table'
  | 'view'
  | 'materialized view'

export interface Column {
  readonly name: string
  /** As PostgreSQL writes it: `character varying(20)`, `numeric(10,2)`, `integer[]`, `shop.mood`. */
  readonly type: string
  /** The type alone, without length, precision or brackets: `varchar`, `numeric`, `int4`, `mood`. */
  readonly typeName: string
  readonly isArray: boolean
  readonly nullable: boolean
  /** The expression, as PostgreSQL prints it; null if there is none. Not the expression of a generated column. */
  readonly default: string | null
  readonly identity: 'always' | 'by default' | null
  /** The expression of a generated column. */
  readonly generated: string | null
  /**
   * Whether a generated column is stored or computed on reading. Absent for other columns, and if the models do not
   * say.
   */
  readonly generation?: 'stored' | 'virtual'
  /** The values of an enum, in order. For an array, those of its elements. */
  readonly enumValues: readonly string[] | null
  /**
   * The domain's qualified name if the type is one; `typeName`, `isArray` and `enumValues` then describe its base type.
   * For an array of domains it is the elements' domain: then `type` ends in `[]`, which it does not for a domain over
   * an array.
   */
  readonly domain: string | null
  /** Null if it is the type's own. */
  readonly collation: string | null
  readonly comment: string | null
}

/** A constraint over columns, in the constraint's order. */
export interface Key {
  /** Null if the models name none: PostgreSQL will choose one. */
  readonly name: string | null
  readonly columns: readonly string[]
}

export type Deferrability = 'not deferrable' | 'initially immediate' | 'initially deferred'

/**
 * A primary key or a unique constraint. Properties are absent if the models do not say; from a database all are
 * present.
 */
export interface UniqueKey extends Key {
  /** From the INCLUDE clause. */
  readonly included?: readonly string[]
  /** Nulls count as equal, as in PostgreSQL 15 and newer. */
  readonly nullsNotDistinct?: boolean
  /** The last column is a range, and keys must not overlap in it, as in PostgreSQL 18 and newer. */
  readonly withoutOverlaps?: boolean
  readonly deferrable?: Deferrability
}

export type ReferentialAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'

export interface ForeignKey extends Key {
  readonly references: {
    readonly schema: string
    readonly table: string
    readonly columns: readonly string[]
  }
  readonly onUpdate: ReferentialAction
  readonly onDelete: ReferentialAction
  readonly deferrable: Deferrability
  /** Absent if the models do not say. */
  readonly match?: 'simple' | 'full'
  /** False if it is NOT VALID or NOT ENFORCED: rows may refer to nothing. Absent if the models do not say. */
  readonly valid?: boolean
  /**
   * The last column is a range, which the referred rows must cover together, as in PostgreSQL 18 and newer. Absent if
   * the models do not say.
   */
  readonly period?: boolean
  /** The columns of `on delete set null (…)` and `set default (…)`, if not all are set; PostgreSQL 15 and newer. */
  readonly onDeleteColumns?: readonly string[]
}

/** A check or an exclusion constraint, as PostgreSQL prints it: `CHECK ((price > 0))`. */
export interface Constraint {
  readonly name: string | null
  readonly definition: string
  /** Whether it comes from a parent table, by inheritance or partitioning. Absent if the models do not say. */
  readonly inherited?: boolean
}

/** One key of an index, and how its values are kept. For `included` only the name is known. */
export interface IndexKey {
  /** A column's name; null for an expression. */
  readonly column: string | null
  readonly expression: string | null
  /** Always false for methods without an order: all but `btree`. Absent if the models do not say. */
  readonly descending?: boolean
  /** PostgreSQL's default is nulls first if the order is descending. Absent as `descending` is. */
  readonly nullsFirst?: boolean
  /** Null if it is the column's own, or the type's for an expression. Absent if the models do not say. */
  readonly collation?: string | null
  /** `jsonb_path_ops`; null if it is the type's default. Absent if the models do not say. */
  readonly operatorClass?: string | null
}

export interface Index {
  readonly name: string
  /** `btree`, `gin`, … */
  readonly method: string
  readonly unique: boolean
  /** Nulls count as equal, as in PostgreSQL 15 and newer. Absent if the models do not say. */
  readonly nullsNotDistinct?: boolean
  /** False if it is not usable: its `create index concurrently` failed or is under way. Absent for models. */
  readonly valid?: boolean
  readonly keys: readonly IndexKey[]
  /** From the INCLUDE clause. Absent if the models do not say. */
  readonly included?: readonly string[]
  /** The WHERE clause of a partial index. */
  readonly predicate: string | null
  /** The whole statement that would create it. Null for models, except for an index that they have as a statement. */
  readonly definition: string | null
}

/** A table or a view, from a database's catalogue or from an ORM's models. */
export interface Table {
  readonly schema: string
  readonly name: string
  readonly kind: RelationKind
  readonly columns: readonly Column[]
  readonly primaryKey: UniqueKey | null
  readonly uniques: readonly UniqueKey[]
  readonly foreignKeys: readonly ForeignKey[]
  readonly checks: readonly Constraint[]
  readonly exclusions: readonly Constraint[]
  /** Without the indexes that a primary key or a unique constraint makes. */
  readonly indexes: readonly Index[]
  /** For a partitioned table: `RANGE (at)`. Absent for others, and if the models do not say. */
  readonly partitionKey?: string
  /** For a partition: the table that it belongs to, and its bounds. */
  readonly partitionOf: { readonly schema: string; readonly table: string; readonly bounds: string } | null
  readonly comment: string | null
}

export interface EnumType {
  readonly schema: string
  readonly name: string
  readonly values: readonly string[]
  readonly comment: string | null
}

/** Tables and enums, in the order of schema and name. */
export interface Schema {
  readonly tables: readonly Table[]
  readonly enums: readonly EnumType[]
}

/** A column whose type has no known counterpart in PostgreSQL: it is still in its table, with the type written here. */
export interface UnknownType {
  readonly schema: string
  readonly table: string
  readonly column: string
  /** As the model names it. */
  readonly type: string
}

/** What a host's models cannot express. `type`: they know whether it is a number or a text, and no more. */
export type Unsaid =
  | 'type'
  | 'default'
  | 'identity'
  | 'generated'
  | 'collation'
  | 'unique'
  | 'foreign key'
  | 'foreign key action'
  | 'deferrability'
  | 'check'
  | 'exclusion'
  | 'index'

/** What the models of an ORM say. */
export interface ModelSchema extends Schema {
  readonly unknownTypes: readonly UnknownType[]
  /** What is empty or null because the host's models cannot express it, and not because it does not exist. */
  readonly unsaid: readonly Unsaid[]
}
