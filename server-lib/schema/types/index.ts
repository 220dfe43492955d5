export { typesOf, type TypesOptions } from './types-of.ts'
export type { TypeMap } from './type-map.ts'
export { writeTypes, type SessionSource, type TypesReport, type WriteTypesOptions } from './write-types.ts'
