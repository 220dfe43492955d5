export { reflect } from './reflect.ts'
export type { Only, ReflectOptions, RelationName, SchemaCache } from './options.ts'
export type { Queryable } from './queryable.ts'
