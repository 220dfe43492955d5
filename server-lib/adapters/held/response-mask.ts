import type { ServerResponse } from 'node:http'

/** Node's own fields of a response of HTTP/1: the head as text, and whether `end` was called. */
type Fields = { _header: string | null; finished: boolean }

const HELD = 'held back'

/**
 * Makes a response that is held back look as if it went its way. While Node's text of the head is set `headersSent` is true,
 * and `setHeader` and `writeHead` throw what they throw; nothing is sent of it, since every call that would do so is held.
 * HTTP/2 has no such text: there only what is asked of the response is masked.
 */
export class ResponseMask {
  readonly #response: ServerResponse
  readonly #fields: Fields | undefined
  /** Getters of Node's that have a property of ours before them. */
  readonly #masked = new Set<string>()

  constructor(response: ServerResponse) {
    this.#response = response
    this.#fields = Object.hasOwn(response, '_header') ? (response as unknown as Fields) : undefined
  }

  head(): void {
    if (this.#fields) this.#fields._header ??= HELD
    else this.#mask('headersSent', true)
  }

  end(): void {
    if (this.#fields) this.#fields.finished = true
    else for (const name of ['finished', 'writableEnded']) this.#mask(name, true)
    // It would be true at once, since Node has nothing to send yet.
    this.#mask('writableFinished', false)
  }

  #mask(name: string, value: boolean): void {
    this.#masked.add(name)
    Object.defineProperty(this.#response, name, { value, configurable: true })
  }

  /** From here on the response is what it looks like. */
  off(): void {
    const fields = this.#fields
    if (fields?._header === HELD) fields._header = null
    if (fields && this.#masked.size > 0) fields.finished = false
    for (const name of this.#masked) delete (this.#response as unknown as Record<string, unknown>)[name]
    this.#masked.clear()
  }
}
