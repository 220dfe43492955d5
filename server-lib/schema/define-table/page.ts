import { whole, type Needs } from '../../channels/options.ts'

/** Which of the rows found to return. Whole numbers; rows are in primary key order where nothing else decides. */
export interface Page {
  /** How many rows to skip. Default 0. */
  readonly offset?: number
  /** How many rows to return at most. Default: all. */
  readonly limit?: number
}

const COUNT = whole('a whole number of 0 or more', 0)
export const PAGE: Needs<Page> = { offset: COUNT, limit: COUNT }
