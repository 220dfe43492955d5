import type { ServerResponse } from 'node:http'

/**
 * Those who wait for a response's `drain`. A middleware that was mounted before (a compressor) may lead them to a stream of its
 * own, which does not know that we have made them wait; so they are remembered here as well.
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

  /** There is room again, and nobody else will say so. Not told from here: what a listener throws is no failure of ours. */
  tell(): void {
    const response = this.#response
    const listeners = this.#listeners?.splice(0)
    process.nextTick(() => {
      if (!listeners) response.emit('drain')
      else for (const listener of listeners) listener.call(response)
    })
  }

  /** Whoever comes from now on is told by the response itself, or by whom he was led to. */
  stop(): void {
    this.#remembers = false
  }
}
