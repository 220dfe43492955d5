import { whole, type Needs } from '../../channels/options.ts'

/** Which of the rows found. Whole numbers; the order of rows is that of the primary key where nothing else decides. */
export interface Page {
  /** How many are left out at the beginning. Default 0. */
  readonly offset?: number
  /** How many at most. Default: all. */
  readonly limit?: number
}

const COUNT = whole('a whole number of 0 or more', 0)
export const PAGE: Needs<Page> = { offset: COUNT, limit: COUNT }
