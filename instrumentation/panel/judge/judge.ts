import { judge } from '../../findings/index.ts'
import { thresholdsOf } from '../../findings/thresholds.ts'
import type { Finding } from '../../model/finding.ts'
import type { ServerTruth } from '../../model/protocol.ts'
import type { History } from '../recorder/index.ts'
import { KeptState } from './kept-state.ts'

/** Finds what is wrong in this process, whenever it is asked. */
export class Judge {
  readonly #state: KeptState
  #last = new Map<string, Finding>()

  constructor(history: History) {
    this.#state = new KeptState(history)
  }

  /** Applies what was recorded since, as far as the time allows. */
  keepUp(withinMs: number): void {
    this.#state.keepUp(withinMs)
  }

  /**
   * The findings as of now, or null if the state cannot be brought up to now within the time. One that says the same as
   * before is the same object.
   */
  findings(truth: ServerTruth | null = null, withinMs = Infinity): readonly Finding[] | null {
    const state = this.#state.now(withinMs)
    if (state === null) return null
    const next = new Map<string, Finding>()
    for (const finding of judge(state, thresholdsOf(state), performance.now(), truth)) {
      const before = this.#last.get(finding.key)
      next.set(finding.key, before && saysTheSame(before, finding) ? before : finding)
    }
    this.#last = next
    return [...next.values()]
  }
}

const saysTheSame = (a: Finding, b: Finding): boolean =>
  a === b ||
  (a.sentence === b.sentence &&
    a.why === b.why &&
    a.severity === b.severity &&
    a.since === b.since &&
    a.site === b.site &&
    JSON.stringify(a.about) === JSON.stringify(b.about))
