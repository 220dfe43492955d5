import type { ServerResponse } from 'node:http'

/** Node's own fields: the head as text, and whether `end` was called. */
type Fields = { _header: string | null; finished: boolean; writableFinished?: boolean }

const HELD = 'held back'

/**
 * Makes a response that is held back look as if it went its way. While Node's text of the head is set `headersSent` is true,
 * and `setHeader` and `writeHead` throw what they throw; nothing is sent of it, since every call that would do so is held.
 */
export class ResponseMask {
  readonly #fields: Fields

  constructor(response: ServerResponse) {
    this.#fields = response as unknown as Fields
  }

  head(): void {
    this.#fields._header ??= HELD
  }

  end(): void {
    this.#fields.finished = true
    // It would be true at once, since Node has nothing to send yet.
    Object.defineProperty(this.#fields, 'writableFinished', { value: false, configurable: true })
  }

  /** From here on the response is what it looks like. */
  off(): void {
    const fields = this.#fields
    if (fields._header === HELD) fields._header = null
    if (!Object.hasOwn(fields, 'writableFinished')) return
    delete fields.writableFinished
    fields.finished = false
  }
}
