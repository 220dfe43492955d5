import { channel } from 'node:diagnostics_channel'
import type { Row } from '../model/codec.ts'
import type { PanelState } from '../model/state.ts'
import { KeptState } from '../panel/judge/index.ts'
import { DEFAULT_LIMITS, Recorder } from '../panel/recorder/index.ts'
import { Told } from './told.ts'

/** Jest loads this package anew for each test file, all in one process: a new witness ends the one before. */
const turns = channel('enginelight:testing')

/** Records what happens in this process, for the expectations of tests. */
export class Witness {
  readonly told = new Told(performance.now())
  // Each statement is counted, and so has to be kept.
  readonly #recorder = new Recorder({ ...DEFAULT_LIMITS, statementsPerRequest: 100_000 })
  readonly #state = new KeptState(this.#recorder.history)

  start(): void {
    turns.publish(this)
    const onTurn = () => {
      turns.unsubscribe(onTurn)
      this.stop()
    }
    turns.subscribe(onTurn)
    this.#recorder.start()
  }

  stop(): void {
    this.#recorder.stop()
  }

  /** As of now. */
  state(): PanelState {
    // Without a limit of time it is never null.
    return this.#state.now()!
  }

  /** The number of the newest row. */
  get last(): number {
    return this.#recorder.history.ring.last
  }

  /** The rows after this number, and how many of them are no longer kept. */
  since(seq: number): { rows: Row[]; lost: number } {
    const { ring } = this.#recorder.history
    const rows: Row[] = []
    for (let next = Math.max(seq + 1, ring.first); next <= ring.last; next++) rows.push(ring.at(next)!)
    return { rows, lost: Math.max(0, ring.first - seq - 1) }
  }

  readonly textOf = (id: number): string => this.#recorder.history.dictionary.textOf(id) ?? '…'
}
