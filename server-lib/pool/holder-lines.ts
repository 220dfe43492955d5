import { channels } from '../channels/channels.ts'
import { isDevelopment } from '../identity/development.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'

/** Of which check-outs the line is captured: the engine option. */
export type HolderLines = 'always' | 'when busy' | 'never'

/** How full a pool is. */
interface Fill {
  readonly used: number
  readonly waiting: number
}

/** How long each line is captured after something went wrong. A leak comes again, and then it has its line. */
const WATCHFUL_MS = 600_000

/**
 * Decides for one pool whether the line of the next check-out is captured. V8 walks the stack for it, which costs as
 * much as a tenth of a small unit of work. Nothing needs the line unless an error or a warning has to name the holder.
 */
export class LineChoice {
  choice: HolderLines = 'always'
  #watchfulUntil = 0

  /** A connection was leaked, lost its work, or could not be had: the next holders are to be named. */
  somethingWentWrong(): void {
    this.#watchfulUntil = performance.now() + WATCHFUL_MS
  }

  /** Whether the next check-out of a pool of `max` connections has its line captured. */
  takesNext(fill: Fill, max: number): boolean {
    switch (this.choice) {
      case 'always':
        return true
      case 'never':
        return false
      case 'when busy':
        return (
          isHeard() || (fill.used + fill.waiting + 1) * 2 >= max || performance.now() < this.#watchfulUntil
        )
      default:
        return this.choice satisfies never
    }
  }
}

/** Whether an observer is told of holders: it may name each of them. */
const isHeard = () => channels.checkout.hasSubscribers || sitesAreWanted() || isDevelopment()
