export { lintNames, type Misnamed } from './lint-names.ts'
export { namingConvention, type NamingConvention, type NamingKey } from './naming-convention.ts'
export type { NameParts, NameTemplate } from './template.ts'
