export { arrowBatches, toArrow } from './to-arrow.ts'
export type { ArrowOptions } from './arrow-options.ts'
export type { ArrowQuery } from './arrow-query.ts'
