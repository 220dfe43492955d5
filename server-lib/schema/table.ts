/**
 * What a relation is. A partition is a table of its own that belongs to a partitioned one; one that is partitioned or
 * foreign itself is called so, and has its `partitionOf` all the same.
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
  /** Of the type itself, without length, precision or brackets: `varchar`, `numeric`, `int4`, `mood`. */
  readonly typeName: string
  readonly isArray: boolean
  readonly nullable: boolean
  /** The expression, as PostgreSQL prints it; null where there is none. Not that of a generated column. */
  readonly default: string | null
  readonly identity: 'always' | 'by default' | null
  /** The expression of a generated column. */
  readonly generated: string | null
  /** Whether a generated column is stored or computed as it is read. Absent of others, and where the models do not say. */
  readonly generation?: 'stored' | 'virtual'
  /** The values of an enum, in their order. Of an array: those of its elements. */
  readonly enumValues: readonly string[] | null
  /**
   * The domain's qualified name where the type is one; `typeName`, `isArray` and `enumValues` are then those below it. Of
   * an array of domains that of its elements: its `type` ends in `[]`, that of a domain over an array does not.
   */
  readonly domain: string | null
  /** Null where it is that of the type. */
  readonly collation: string | null
  readonly comment: string | null
}

/** A constraint over columns, in the constraint's order. */
export interface Key {
  /** Null where the models name none: PostgreSQL will choose one. */
  readonly name: string | null
  readonly columns: readonly string[]
}

export type Deferrability = 'not deferrable' | 'initially immediate' | 'initially deferred'

/** A primary key or a unique constraint. What is absent the models do not say; of a database all is there. */
export interface UniqueKey extends Key {
  /** Of the INCLUDE clause. */
  readonly included?: readonly string[]
  /** Nulls are taken for equal, as PostgreSQL 15 and newer can. */
  readonly nullsNotDistinct?: boolean
  /** The last column is a range, and keys must not overlap in it, as PostgreSQL 18 and newer can. */
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
  /** Absent where the models do not say. */
  readonly match?: 'simple' | 'full'
  /** False of one that is NOT VALID or NOT ENFORCED: rows may point nowhere. Absent where the models do not say. */
  readonly valid?: boolean
  /**
   * The last column is a range, and it takes all the rows together that it points at to cover it, as PostgreSQL 18 and
   * newer can. Absent where the models do not say.
   */
  readonly period?: boolean
  /** Of `on delete set null (…)` and `set default (…)`, where not all columns are set; PostgreSQL 15 and newer. */
  readonly onDeleteColumns?: readonly string[]
}

/** A check or an exclusion constraint, as PostgreSQL prints it: `CHECK ((price > 0))`. */
export interface Constraint {
  readonly name: string | null
  readonly definition: string
  /** A table above has it, of which this one inherits or is a partition. Absent where the models do not say. */
  readonly inherited?: boolean
}

/** Where an index has one of its values from, and how it keeps them. Of `included` no more than the name is kept. */
export interface IndexKey {
  /** A column's name; null of an expression. */
  readonly column: string | null
  readonly expression: string | null
  /** Always false of methods that keep no order: those other than `btree`. Absent where the models do not say. */
  readonly descending?: boolean
  /** As PostgreSQL has it, nulls come first where the order is descending and nothing else is said. As `descending`. */
  readonly nullsFirst?: boolean
  /** Null where it is that of the column, or the type's of an expression. Absent where the models do not say. */
  readonly collation?: string | null
  /** `jsonb_path_ops`; null where it is the default of the type. Absent where the models do not say. */
  readonly operatorClass?: string | null
}

export interface Index {
  readonly name: string
  /** `btree`, `gin`, … */
  readonly method: string
  readonly unique: boolean
  /** Nulls are taken for equal, as PostgreSQL 15 and newer can. Absent where the models do not say. */
  readonly nullsNotDistinct?: boolean
  /** False of one that is not usable: its `create index concurrently` failed or is under way. Absent of models. */
  readonly valid?: boolean
  readonly keys: readonly IndexKey[]
  /** Of the INCLUDE clause. Absent where the models do not say. */
  readonly included?: readonly string[]
  /** The WHERE clause of a partial index. */
  readonly predicate: string | null
  /** The whole statement that would create it; null where it comes from models, but for one that they have as a statement. */
  readonly definition: string | null
}

/** A table or a view, wherever its description comes from: a database's catalogue or the models of an ORM. */
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
  /** Without those that a primary key or a unique constraint makes. */
  readonly indexes: readonly Index[]
  /** Of a partitioned table: `RANGE (at)`. Absent of others, and where the models do not say. */
  readonly partitionKey?: string
  /** Of a partition: the table that it is a part of, and its bounds. */
  readonly partitionOf: { readonly schema: string; readonly table: string; readonly bounds: string } | null
  readonly comment: string | null
}

export interface EnumType {
  readonly schema: string
  readonly name: string
  readonly values: readonly string[]
  readonly comment: string | null
}

/** Tables and what they are made of, in the order of schema and name. */
export interface Schema {
  readonly tables: readonly Table[]
  readonly enums: readonly EnumType[]
}

/** A column whose type has no known counterpart in PostgreSQL: it is in its table all the same, typed as written here. */
export interface UnknownType {
  readonly schema: string
  readonly table: string
  readonly column: string
  /** As the model names it. */
  readonly type: string
}

/** What the models of a host have no words for. Of a `type` they know whether it is a number or a text, and no more. */
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
  /** What is empty or null because the host's models cannot say it, and not because it is not there. */
  readonly unsaid: readonly Unsaid[]
}
