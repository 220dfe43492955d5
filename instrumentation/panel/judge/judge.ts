import type { Baseline } from '../../findings/baseline.ts'
import type { Budgets } from '../../findings/budgets.ts'
import { judge } from '../../findings/index.ts'
import { isUnknown } from '../../findings/is-unknown.ts'
import { thresholdsOf } from '../../findings/thresholds.ts'
import type { Finding } from '../../model/finding.ts'
import type { ServerTruth } from '../../model/protocol.ts'
import type { History } from '../recorder/index.ts'
import { FindingMemory } from './finding-memory.ts'
import { KeptState } from './kept-state.ts'
import { foundByOwnRules } from './own-rules.ts'

/** What a judge is told beforehand. */
export interface Knowing {
  /** Findings that are not told. */
  readonly baseline?: Baseline | undefined
  readonly budgets?: Budgets | undefined
}
const SUSPECT_MS = 500

/** Finds what is wrong in this process, whenever it is asked, and remembers what was. */
export class Judge {
  readonly #state: KeptState
  readonly #memory = new FindingMemory()
  #mayBeBlocked = false

  readonly #knowing: Knowing

  constructor(history: History, knowing: Knowing = {}) {
    this.#state = new KeptState(history)
    this.#knowing = knowing
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
    this.#state.keepUp(withinMs)
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
    const { baseline, budgets } = this.#knowing
    const found = [
      ...judge(state, thresholdsOf(state, budgets), now, truth),
      ...foundByOwnRules(state, now),
    ].filter(finding => !baseline?.knows(finding))
    return this.#memory.remember(found, now, finding => isUnknown(finding, state, truth))
  }

  /** Does not tell of it again, unless it begins anew. The rest, as of the last time. */
  dismiss(key: string): readonly Finding[] {
    return this.#memory.dismiss(key)
  }
}
