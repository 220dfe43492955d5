import { describe } from '../../channels/describe.ts'
import { checkOptions, isObject, need, oneOf, SIGNAL, whole, type Needs } from '../../channels/options.ts'
import type { OnInfinity } from './columns/words.ts'

export interface ArrowOptions {
  /** Rows in a record batch. Default 65,536. A batch of large rows is closed earlier, at 16 MiB. */
  readonly batchRows?: number
  /**
   * How to return numerics declared without a precision, which includes sums and products. Default `text`: as
   * PostgreSQL writes them, exact and of any size. With a precision (up to 76) and a scale they are decimals, and a
   * value that does not fit exactly is EL_ARROW_VALUE.
   */
  readonly numeric?: 'text' | { readonly precision: number; readonly scale: number }
  /** Infinite dates, timestamps and intervals, which Arrow cannot represent: EL_ARROW_VALUE by default, or null. */
  readonly infinity?: OnInfinity
  /** Names of text columns (enums, country codes) to dictionary-encode. */
  readonly dictionary?: readonly string[]
  /** How many dimensions a column's arrays have, by column name. Default 1: PostgreSQL's types do not say. */
  readonly dimensions?: Readonly<Record<string, number>>
  /**
   * Stops the query. If the server is still computing, it is told to cancel, and the session then loses its connection.
   */
  readonly signal?: AbortSignal
}

export const DEFAULT_BATCH_ROWS = 65_536
/** PostgreSQL's own limit for arrays. */
const MAX_DIMENSIONS = 6

const NEEDS: Needs<ArrowOptions> = {
  batchRows: whole('a number of rows, 1 or more', 1, 0x3fff_ffff),
  numeric: need(
    "'text' or { precision, scale }, with 1 to 76 digits of which scale are after the point",
    isNumeric,
  ),
  infinity: oneOf(['error', 'null']),
  dictionary: need(
    'an array of names of columns',
    value => Array.isArray(value) && value.every(name => typeof name === 'string'),
  ),
  dimensions: need(
    `numbers from 1 to ${MAX_DIMENSIONS} by names of columns`,
    value => isObject(value) && wrongDimensions(value) === undefined,
    value => (isObject(value) ? `${wrongDimensions(value)}` : describe(value)),
  ),
  signal: SIGNAL,
}

/** Throws EL_CONFIG for options that no query could run with. */
export function checkArrow(options: ArrowOptions): void {
  checkOptions({ name: 'toArrow()' }, options, NEEDS)
}

const isCount = (value: unknown, from: number, to: number): boolean =>
  Number.isInteger(value) && (value as number) >= from && (value as number) <= to

function wrongDimensions(dimensions: Record<string, unknown>): string | undefined {
  const wrong = Object.entries(dimensions).find(([, count]) => !isCount(count, 1, MAX_DIMENSIONS))
  return wrong && `${describe(wrong[1])} for "${wrong[0]}"`
}

function isNumeric(numeric: unknown): boolean {
  if (numeric === 'text') return true
  const { precision, scale } = Object(numeric) as { precision?: unknown; scale?: unknown }
  return isCount(precision, 1, 76) && isCount(scale, 0, precision as number)
}
