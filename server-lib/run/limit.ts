import { setMaxListeners } from 'node:events'
import { startDeadline } from '../clock/deadline.ts'
import { EnginelightError } from '../channels/errors.ts'
import type { CheckedRunOptions } from './run-options.ts'

/**
 * The limit of a run, by its timeout and its signal. Create it when the run begins, and call `stop` when nothing is
 * left to cut short.
 */
export class Limit {
  /** Why the run is over; set at that moment. */
  reason: EnginelightError | undefined
  readonly #stop: () => void
  #passed: (() => void) | undefined

  constructor({ timeoutMs, signal, label }: CheckedRunOptions) {
    const pass = (how: string, fields: { timeoutMs?: number; cause?: unknown }) => {
      if (this.reason) return
      this.reason = new EnginelightError(
        'EL_RUN_ABORTED',
        `The run "${label}" ${how}: everything was rolled back.`,
        fields,
      )
      this.#passed?.()
    }
    const onAbort = () => pass('was aborted by its signal', { cause: signal?.reason })
    const deadline =
      timeoutMs === undefined
        ? undefined
        : startDeadline(timeoutMs, () => pass(`took longer than ${timeoutMs} ms`, { timeoutMs }))
    if (signal?.aborted) onAbort()
    else if (signal) {
      // One signal may end any number of runs: Node would warn about the eleventh listener.
      setMaxListeners(0, signal)
      signal.addEventListener('abort', onAbort, { once: true })
    }
    this.#stop = () => {
      deadline?.stop()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  stop(): void {
    this.#stop()
  }

  /** Settles as the work does, or rejects with the reason as soon as the time is over: the work may never end. */
  async within<T>(work: () => Promise<T>): Promise<T> {
    if (this.reason) throw this.reason
    let begun: Promise<T> | undefined
    try {
      const over = new Promise<never>((_resolve, reject) => {
        this.#passed = () => reject(this.reason as EnginelightError)
      })
      begun = work()
      return await Promise.race([begun, over])
    } finally {
      this.#passed = undefined
      // A later rejection has no handler left.
      begun?.catch(() => {})
    }
  }

  /** Waits for `ms`; rejects as soon as the time is over. */
  async wait(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const slept = new Promise<void>(resolve => void (timer = setTimeout(resolve, ms)))
    await this.within(() => slept).finally(() => clearTimeout(timer))
  }
}
