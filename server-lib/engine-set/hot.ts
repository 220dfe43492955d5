import { need } from '../channels/options.ts'
import { processWide } from '../identity/process-wide.ts'
import { describe } from '../channels/describe.ts'

/** What a set of engines offers to the next one that is made with its key. */
export interface HandOver {
  /** The set itself. One that was made by this copy of the package hands over more. */
  readonly set: object
  /** How many pools each engine has had: the next one counts on, since names of pools are not used twice. */
  readonly generations: Readonly<Record<string, number>>
  /**
   * Stops watching the pools that the application made, but for those of the engines in `kept`. The returned function
   * begins again: the next set could not be made.
   */
  letGo(kept: ReadonlySet<string>): () => void
  /** The next set is there. What it has not taken over is closed, as by `close()`. */
  succeededBy(set: object): void
}

/**
 * The newest set of each key. Copies of this package that are not of one version meet here: so it is a function, and the
 * number in the name says what it takes and returns.
 */
const sets = processWide('hot 1', () => new Map<string, () => HandOver>())

const LONGEST = 80

export const HOT_KEY = need(
  `a text of 1 to ${LONGEST} characters, which names this set of engines`,
  hot => typeof hot === 'string' && hot.trim() !== '' && hot.length <= LONGEST,
  hot => (typeof hot === 'string' && hot.length > LONGEST ? `one of ${hot.length}` : describe(hot)),
)

/** What the set that has the key now hands over, if there is one. */
export const handOverOf = (key: string | undefined): HandOver | undefined =>
  key === undefined ? undefined : sets.get(key)?.()

/** Gives the key to a set, until the returned function is called or another one has it. */
export function keepHot(key: string, handOver: () => HandOver): () => void {
  sets.set(key, handOver)
  return () => {
    if (sets.get(key) === handOver) sets.delete(key)
  }
}
