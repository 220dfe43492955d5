export { reflect } from './reflect/index.ts'
export type { Only, Queryable, ReflectOptions, RelationName, SchemaCache } from './reflect/index.ts'
export { tablesFrom } from './from/index.ts'
export type {
  DrizzleOptions,
  HostColumn,
  MikroOrm,
  ObjectionModel,
  SequelizeInstance,
  TablesFromOptions,
  TypeOf,
  TypeormDataSource,
} from './from/index.ts'
export { drift } from './drift/index.ts'
export type { Difference, DifferenceKind, DriftOptions } from './drift/index.ts'
export { lintNames, namingConvention } from './naming/index.ts'
export type { Misnamed, NameParts, NameTemplate, NamingConvention, NamingKey } from './naming/index.ts'
export type {
  Column,
  Constraint,
  Deferrability,
  EnumType,
  ForeignKey,
  Index,
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
