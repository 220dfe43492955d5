import { need } from '../channels/options.ts'
import { processWide } from '../identity/process-wide.ts'
import { describe } from '../channels/describe.ts'

/** What a set of engines hands over to the next set with its key. */
export interface HandOver {
  /** The set itself. A set made by this copy of the package hands over more. */
  readonly set: object
  /** The number of pools each engine has had. The next set counts on, because names of pools are not used twice. */
  readonly generations: Readonly<Record<string, number>>
  /**
   * Stops watching the pools that the application made, except those of the engines in `kept`. The returned function
   * starts again, for when the next set could not be made.
   */
  letGo(kept: ReadonlySet<string>): () => void
  /** Called with the next set. What that has not taken over is closed, as by `close()`. */
  succeededBy(set: object): void
}

/**
 * The newest set of each key. Copies of this package in different versions share the map: so it holds functions, and
 * the number in its name versions what they return.
 */
const sets = processWide('hot 1', () => new Map<string, () => HandOver>())

const LONGEST = 80

export const HOT_KEY = need(
  `a text of 1 to ${LONGEST} characters, which names this set of engines`,
  hot => typeof hot === 'string' && hot.trim() !== '' && hot.length <= LONGEST,
  hot => (typeof hot === 'string' && hot.length > LONGEST ? `one of ${hot.length}` : describe(hot)),
)

/** The hand-over of the set that has the key now, if there is one. */
export const handOverOf = (key: string | undefined): HandOver | undefined =>
  key === undefined ? undefined : sets.get(key)?.()

/** Gives the key to a set, until the returned function is called or another set has it. */
export function keepHot(key: string, handOver: () => HandOver): () => void {
  sets.set(key, handOver)
  return () => {
    if (sets.get(key) === handOver) sets.delete(key)
  }
}
