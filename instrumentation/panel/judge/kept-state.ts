import { apply } from '../../model/apply.ts'
import type { Row } from '../../model/codec.ts'
import { emptyState, type PanelState } from '../../model/state.ts'
import type { History } from '../recorder/index.ts'

/** So many rows at once cost few copies of the state, and less than a millisecond or two. */
const BATCH = 1_000
/** A state that was not asked for in this time is given up. */
const IDLE_MS = 10_000

/**
 * The state of this process: what a page would know that opened when it was first asked for. It is kept up while it is
 * asked for, and given up soon after.
 */
export class KeptState {
  readonly #history: History
  #state: PanelState | null = null
  /** The last row that was applied. */
  #cursor = 0
  #idle: NodeJS.Timeout | undefined

  constructor(history: History) {
    this.#history = history
  }

  /** The state as of the last row, or null if applying what came since takes longer than `withinMs`. */
  now(withinMs = Infinity): PanelState | null {
    if (this.#idle) this.#idle.refresh()
    else this.#idle = setTimeout(() => this.#giveUp(), IDLE_MS).unref()
    const { ring } = this.#history
    const texts = (id: number) => this.#history.dictionary.textOf(id) ?? '…'
    const deadline = performance.now() + withinMs
    if (this.#state === null || this.#cursor + 1 < ring.first) {
      const { seq, rows } = this.#history.beforeRing()
      this.#state = apply(emptyState, rows, texts)
      this.#cursor = seq
    }
    while (this.#cursor < ring.last) {
      if (performance.now() > deadline) return null
      const rows: Row[] = []
      for (let seq = this.#cursor + 1; seq <= ring.last && rows.length < BATCH; seq++)
        rows.push(ring.at(seq)!)
      this.#cursor += rows.length
      this.#state = apply(this.#state, rows, texts)
    }
    return this.#state
  }

  #giveUp(): void {
    this.#idle = undefined
    this.#state = null
  }
}
