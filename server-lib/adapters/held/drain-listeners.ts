import type { ServerResponse } from 'node:http'

/**
 * Listeners for a response's `drain`. A middleware mounted before (a compressor) may move them to a stream of its own,
 * which does not know that this response makes them wait; so they are remembered here as well.
 */
export class DrainListeners {
  readonly #response: ServerResponse
  #listeners: (() => void)[] | undefined
  #remembers = true

  constructor(response: ServerResponse) {
    this.#response = response
    if (!Object.hasOwn(response, 'on')) return
    this.#listeners = []
    const { on } = response
    response.on = (name: string, listener: (...args: any[]) => void) => {
      if (name === 'drain' && this.#remembers) this.#listeners?.push(listener)
      return on.call(response, name, listener)
    }
  }

  /**
   * There is room again, and nothing else will emit `drain`. Deferred, because an error of a listener is not a failure
   * of ours.
   */
  tell(): void {
    const response = this.#response
    const listeners = this.#listeners?.splice(0)
    process.nextTick(() => {
      if (!listeners) response.emit('drain')
      else for (const listener of listeners) listener.call(response)
    })
  }

  /** Later listeners are called by the response itself, or by the stream they were moved to. */
  stop(): void {
    this.#remembers = false
  }
}
