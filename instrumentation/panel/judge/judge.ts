import { judge } from '../../findings/index.ts'
import { isUnknown } from '../../findings/is-unknown.ts'
import { thresholdsOf } from '../../findings/thresholds.ts'
import type { Finding } from '../../model/finding.ts'
import type { ServerTruth } from '../../model/protocol.ts'
import type { History } from '../recorder/index.ts'
import { FindingMemory } from './finding-memory.ts'
import { KeptState } from './kept-state.ts'
import { foundByOwnRules } from './own-rules.ts'

const SUSPECT_MS = 500

/** Finds what is wrong in this process, whenever it is asked, and remembers what was. */
export class Judge {
  readonly #state: KeptState
  readonly #memory = new FindingMemory()
  #mayBeBlocked = false

  constructor(history: History) {
    this.#state = new KeptState(history)
  }

  /** How many findings there was no room for. */
  get dropped(): number {
    return this.#memory.dropped
  }

  /** Whether a statement is without an answer for so long that the servers should be asked what it waits for. */
  get mayBeBlocked(): boolean {
    return this.#mayBeBlocked
  }

  /** Applies what was recorded since, as far as the time allows. */
  keepUp(withinMs: number): void {
    this.#state.now(withinMs)
  }

  /**
   * What is wrong as of now and what was, or null if the state cannot be brought up to now within the time. One that
   * says the same as before is the same object.
   */
  findings(truth: ServerTruth | null = null, withinMs = Infinity): readonly Finding[] | null {
    const state = this.#state.now(withinMs)
    if (state === null) return null
    const now = performance.now()
    this.#mayBeBlocked = [...state.statements.values()].some(it => now - it.startedAt > SUSPECT_MS)
    const found = [...judge(state, thresholdsOf(state), now, truth), ...foundByOwnRules(state, now)]
    return this.#memory.remember(found, now, finding => isUnknown(finding, state, truth))
  }

  /** Does not tell of it again, unless it begins anew. The rest, as of the last time. */
  dismiss(key: string): readonly Finding[] {
    return this.#memory.dismiss(key)
  }
}
