export { arrowBatches, toArrow } from './arrow/index.ts'
export type { ArrowOptions, ArrowQuery } from './arrow/index.ts'
export { reflect } from './reflect/index.ts'
export type { Only, Queryable, ReflectOptions, RelationName, SchemaCache } from './reflect/index.ts'
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
  Key,
  ModelSchema,
  ReferentialAction,
  RelationKind,
  Schema,
  Table,
  UniqueKey,
  UnknownType,
} from './table.ts'
