import { EnginelightError } from '../../channels/errors.ts'
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

const OPTIONS = [
  'batchRows',
  'numeric',
  'infinity',
  'dictionary',
  'dimensions',
  'signal',
] as const satisfies (keyof ArrowOptions)[]

/** Throws EL_CONFIG for what no query could be run with. */
export function checkOptions(options: ArrowOptions): void {
  const unknown = Object.keys(options).find(key => !OPTIONS.includes(key as (typeof OPTIONS)[number]))
  if (unknown) refuse(unknown, `toArrow() has no option ${unknown}; there are ${OPTIONS.join(', ')}.`)
  const { batchRows, numeric, infinity, dictionary, dimensions, signal } = options
  if (batchRows !== undefined && !isCount(batchRows, 1, 0x3fff_ffff))
    refuse('batchRows', `batchRows is a number of rows, 1 or more; it was ${String(batchRows)}.`)
  if (numeric !== undefined && numeric !== 'text') {
    const { precision, scale } = Object(numeric) as { precision?: unknown; scale?: unknown }
    if (!isCount(precision, 1, 76) || !isCount(scale, 0, precision as number))
      refuse(
        'numeric',
        "numeric is 'text' or { precision, scale }, with 1 to 76 digits of which scale are after the point.",
      )
  }
  if (infinity !== undefined && infinity !== 'error' && infinity !== 'null')
    refuse('infinity', `infinity is 'error' or 'null'; it was ${String(infinity)}.`)
  if (
    dictionary !== undefined &&
    !(Array.isArray(dictionary) && dictionary.every(name => typeof name === 'string'))
  )
    refuse('dictionary', 'dictionary is an array of names of columns.')
  for (const [name, count] of Object.entries(dimensions ?? {})) {
    if (!isCount(count, 1, MAX_DIMENSIONS))
      refuse(
        'dimensions',
        `dimensions of "${name}" is a number from 1 to ${MAX_DIMENSIONS}; it was ${String(count)}.`,
      )
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuse('signal', 'signal is an AbortSignal.')
}

const isCount = (value: unknown, from: number, to: number): boolean =>
  Number.isInteger(value) && (value as number) >= from && (value as number) <= to

function refuse(option: string, sentence: string): never {
  throw new EnginelightError('EL_CONFIG', sentence, { option })
}
