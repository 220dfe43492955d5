export { reflect } from './reflect.ts'
export type { Only, ReflectOptions, RelationName } from './options.ts'
export type { Queryable } from './queryable.ts'
export type { SchemaCache } from './cache.ts'
