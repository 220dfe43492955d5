import { describe } from '../../channels/describe.ts'
import { checkOptions, isObject, need, oneOf, SIGNAL, whole, type Needs } from '../../channels/options.ts'
import type { OnInfinity } from './columns/words.ts'

export interface ArrowOptions {
  /** Rows in a record batch. Default 65,536. A batch of large rows is closed before, at 16 MiB. */
  readonly batchRows?: number
  /**
   * Numerics that were declared without precision, which sums and products are too. Default `text`: as PostgreSQL writes
   * them, exact and of any size. With a precision (of up to 76) and a scale they are decimals, and one that does not fit
   * exactly is EL_ARROW_VALUE.
   */
  readonly numeric?: 'text' | { readonly precision: number; readonly scale: number }
  /** Dates, timestamps and intervals that are infinite, which Arrow cannot say: EL_ARROW_VALUE by default, or null. */
  readonly infinity?: OnInfinity
  /** Columns of text (enums, country codes) that are to be dictionary-encoded, by name. */
  readonly dictionary?: readonly string[]
  /** How many dimensions the arrays of a column have, by its name. Default 1: PostgreSQL's types do not say it. */
  readonly dimensions?: Readonly<Record<string, number>>
  /** Stops it. What the server still computes is cancelled, and then the session has lost its connection. */
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

/** Throws EL_CONFIG for what no query could be run with. */
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
