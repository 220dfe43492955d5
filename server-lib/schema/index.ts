export { arrowBatches, toArrow } from './arrow/index.ts'
export type { ArrowOptions, ArrowQuery } from './arrow/index.ts'
export { reflect } from './reflect/index.ts'
export type { Only, Queryable, ReflectOptions, RelationName, SchemaCache } from './reflect/index.ts'
export { tablesFrom } from './from/index.ts'
export type {
  DrizzleOptions,
  HostColumn,
  MikroOrm,
  ObjectionModel,
  SequelizeInstance,
  TablesFrom,
  TablesFromOptions,
  TypeOf,
  TypeormDataSource,
} from './from/index.ts'
export { defineTable } from './define-table/index.ts'
export type {
  ColumnOf,
  Finders,
  IdOf,
  Page,
  RangeOptions,
  RunsBuilders,
  TableDefinition,
} from './define-table/index.ts'
export { getTables } from './references/index.ts'
export type { GetTablesOptions, RowOf, TableReference, TableReferences } from './references/index.ts'
export { drift } from './drift/index.ts'
export type { Difference, DifferenceKind, DriftOptions } from './drift/index.ts'
export { lintNames, namingConvention } from './naming/index.ts'
export type { Misnamed, NameParts, NameTemplate, NamingConvention, NamingKey } from './naming/index.ts'
export { typesOf, writeTypes } from './types/index.ts'
export type { SessionSource, TypeMap, TypesOptions, TypesReport, WriteTypesOptions } from './types/index.ts'
export type {
  Column,
  Constraint,
  Deferrability,
  EnumType,
  ForeignKey,
  Index,
  IndexKey,
  Key,
  ModelSchema,
  ReferentialAction,
  RelationKind,
  Schema,
  Table,
  UniqueKey,
  UnknownType,
  Unsaid,
} from './table.ts'
