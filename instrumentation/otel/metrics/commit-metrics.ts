import type { CommitMessage, CommitMode } from '../../../server-lib/channels/index.ts'
import { BoundedMap } from '../bounded-map.ts'
import { COMMIT_MODE, COMMIT_OUTCOME, ENGINE_NAME, PREPARED_OUTCOME } from '../semconv.ts'
import type { InstrumentSource } from './instruments.ts'

const AT_ONCE = 10_000

/** How long commits took and how they ended, and what recovery has found and resolved. */
export class CommitMetrics {
  readonly #instruments: InstrumentSource
  readonly #modes = new BoundedMap<CommitMode>(AT_ONCE)

  constructor(instruments: InstrumentSource) {
    this.#instruments = instruments
  }

  get size(): number {
    return this.#modes.size
  }

  handle(message: CommitMessage): void {
    switch (message.phase) {
      case 'start':
        if (this.#instruments.current()) this.#modes.set(message.id, message.mode)
        return
      case 'step started':
      case 'step ended':
        return
      case 'end': {
        const mode = this.#modes.take(message.id)
        if (mode === undefined) return
        const attributes = { [COMMIT_MODE]: mode, [COMMIT_OUTCOME]: message.outcome }
        this.#instruments.current()?.commitDuration.record(message.durationMs / 1000, attributes)
        return
      }
      case 'in doubt':
        return this.#instruments.inDoubt.met(message.gid, message.engine, message.at)
      case 'recovered': {
        this.#instruments.inDoubt.ended(message.gid)
        const attributes = { [ENGINE_NAME]: message.engine, [PREPARED_OUTCOME]: message.outcome }
        this.#instruments.current()?.recovered.add(1, attributes)
        return
      }
      default:
        message satisfies never
    }
  }
}
