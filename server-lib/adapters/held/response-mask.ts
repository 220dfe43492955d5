import type { ServerResponse } from 'node:http'

/** Node's own fields of an HTTP/1 response: the head as text, and whether `end` was called. */
type Fields = { _header: string | null; finished: boolean }

const HELD = 'held back'

/**
 * Makes a held response look as if it were sent. While Node's head text is set, `headersSent` is true, and `setHeader`
 * and `writeHead` throw as usual. Nothing is sent, because every call that would send is held. HTTP/2 has no such text:
 * there only the response's properties are masked.
 */
export class ResponseMask {
  readonly #response: ServerResponse
  readonly #fields: Fields | undefined
  /** Node's getters that a property of ours hides. */
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

  /** From here on the response shows its real state. */
  off(): void {
    const fields = this.#fields
    if (fields?._header === HELD) fields._header = null
    if (fields && this.#masked.size > 0) fields.finished = false
    for (const name of this.#masked) delete (this.#response as unknown as Record<string, unknown>)[name]
    this.#masked.clear()
  }
}
