export { arrowBatches, toArrow } from './arrow/index.ts'
export type { ArrowOptions, ArrowQuery } from './arrow/index.ts'
