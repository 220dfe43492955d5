export { drift, type DriftOptions } from './drift.ts'
export type { Difference, DifferenceKind } from './difference.ts'
