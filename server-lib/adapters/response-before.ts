import type { ServerResponse } from 'node:http'

/** `on` and its other name belong to it: a compressor leads those who wait for `drain` to a stream that is over by then. */
const LISTENING = ['on', 'addListener', 'once'] as const

/**
 * A response as it was when it came by: status, headers and methods. Middlewares that come later put their own methods in
 * front, and have ended the answer that is taken back: another one must not go through them.
 */
export class ResponseBefore {
  readonly #response: ServerResponse
  readonly #status: number
  readonly #message: string
  readonly #headers: readonly (readonly [string, number | string | readonly string[]])[]
  readonly #methods: readonly (readonly [string, PropertyDescriptor | undefined])[]

  constructor(response: ServerResponse, methods: readonly string[]) {
    this.#response = response
    this.#status = response.statusCode
    this.#message = response.statusMessage
    const names = rawNames(response)
    this.#headers = names.map(name => [name, response.getHeader(name) as string])
    const replaced = [...methods, ...LISTENING]
    this.#methods = replaced.map(name => [name, Object.getOwnPropertyDescriptor(response, name)])
  }

  restore(): void {
    const response = this.#response
    for (const [name, own] of this.#methods) {
      if (own) Object.defineProperty(response, name, own)
      else delete (response as unknown as Record<string, unknown>)[name]
    }
    response.statusCode = this.#status
    response.statusMessage = this.#message
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    for (const [name, value] of this.#headers) response.setHeader(name, value)
    response.addTrailers({})
  }
}

/** With the case in which they were set. */
function rawNames(response: ServerResponse): readonly string[] {
  const { getRawHeaderNames } = response as { getRawHeaderNames?: () => string[] }
  return getRawHeaderNames?.call(response) ?? response.getHeaderNames()
}
