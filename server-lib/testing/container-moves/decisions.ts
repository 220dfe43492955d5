import { observe } from '../../channels/channels.ts'

/**
 * Decisions that everybody has carried out, until their rows are deleted: that is done a moment after the commit, on a
 * connection that the next sequence would count among its own.
 */
export class Decisions implements Disposable {
  readonly #twoPhase = new Set<string>()
  readonly #carriedOut = new Set<string>()
  /** The row may go with those of an earlier commit, before the end of its own is told. */
  readonly #forgotten = new Set<string>()
  readonly #stop: () => void

  constructor() {
    this.#stop = observe('enginelight:commit', message => {
      if (message.phase === 'start' && message.mode === 'two-phase') this.#twoPhase.add(message.id)
      if (message.phase === 'end' && this.#twoPhase.has(message.id) && message.outcome === 'committed') {
        if (!Object.values(message.engines).includes('committed, pending')) this.#carriedOut.add(message.id)
      }
      if (message.phase === 'step ended' && message.step === 'forget') this.#forgotten.add(message.id)
    })
  }

  /** Those whose rows are still to be deleted. */
  left(): string[] {
    return [...this.#carriedOut].filter(id => !this.#forgotten.has(id))
  }

  [Symbol.dispose](): void {
    this.#stop()
  }
}
