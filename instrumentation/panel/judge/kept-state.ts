import { applyTo } from '../../model/apply.ts'
import type { Row } from '../../model/codec.ts'
import { Draft } from '../../model/draft.ts'
import { emptyState, type PanelState } from '../../model/state.ts'
import type { History } from '../recorder/index.ts'

/** So many rows at once take less than a few milliseconds. */
const BATCH = 1_000
/** A state that was not asked for in this time is given up. */
const IDLE_MS = 10_000

/**
 * The state of this process: what a page would know that opened when it was first asked for. It is kept up while it is
 * asked for, and given up soon after.
 */
export class KeptState {
  readonly #history: History
  /** Changed in place from one look at it to the next: copies for each turn of the feed cost more than the rows. */
  #draft: Draft | null = null
  /** The last row that was applied. */
  #cursor = 0
  #idle: NodeJS.Timeout | undefined

  constructor(history: History) {
    this.#history = history
  }

  /** The state as of the last row, or null if applying what came since takes longer than `withinMs`. */
  now(withinMs = Infinity): PanelState | null {
    if (!this.keepUp(withinMs) || this.#draft === null) return null
    const { state } = this.#draft
    this.#draft = new Draft(state)
    return state
  }

  /** Applies what came since, and returns whether that was done within the time. */
  keepUp(withinMs: number): boolean {
    if (this.#idle) this.#idle.refresh()
    else this.#idle = setTimeout(() => this.#giveUp(), IDLE_MS).unref()
    const { ring } = this.#history
    const texts = (id: number) => this.#history.dictionary.textOf(id) ?? '…'
    const deadline = performance.now() + withinMs
    if (this.#draft === null || this.#cursor + 1 < ring.first) {
      const { seq, rows } = this.#history.beforeRing()
      this.#draft = new Draft(emptyState)
      applyTo(this.#draft, rows, texts)
      this.#cursor = seq
    }
    while (this.#cursor < ring.last) {
      if (performance.now() > deadline) return false
      const rows: Row[] = []
      for (let seq = this.#cursor + 1; seq <= ring.last && rows.length < BATCH; seq++)
        rows.push(ring.at(seq)!)
      this.#cursor += rows.length
      applyTo(this.#draft, rows, texts)
    }
    return true
  }

  #giveUp(): void {
    this.#idle = undefined
    this.#draft = null
  }
}
