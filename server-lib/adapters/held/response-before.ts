import type { ServerResponse } from 'node:http'

/** Includes `on`, because a compressor moves `drain` listeners to a stream that is over by then. */
const METHODS = ['writeHead', 'flushHeaders', 'write', 'end', 'on', 'addListener', 'once'] as const

/**
 * Node's own fields in which a head records where its body ends. A framework may set the length itself, for a body that
 * is not sent; and Node treats a header that is removed as unwanted.
 */
const FIELDS = ['_contentLength', '_removedContLen', '_removedTE', '_removedConnection', 'sendDate'] as const

/**
 * A response as it was when it was mounted: status, headers and methods. Later middlewares put their own methods in
 * front, and have ended the answer that is taken back: a new answer must not go through them.
 */
export class ResponseBefore {
  readonly #response: ServerResponse
  readonly #status: number
  readonly #message: string
  readonly #headers: readonly (readonly [string, number | string | readonly string[]])[]
  readonly #methods: Record<string, unknown> = {}
  readonly #fields: Record<string, unknown> = {}

  constructor(response: ServerResponse) {
    this.#response = response
    this.#status = response.statusCode
    // HTTP/2 has none, and warns at each access.
    this.#message = isHttp1(response) ? response.statusMessage : ''
    this.#headers = rawNames(response).map(name => [name, response.getHeader(name) as string])
    const own = response as unknown as Record<string, unknown>
    for (const name of METHODS) this.#methods[name] = Object.hasOwn(own, name) ? own[name] : undefined
    for (const name of FIELDS) if (Object.hasOwn(own, name)) this.#fields[name] = own[name]
  }

  restore(): void {
    const response = this.#response
    const own = response as unknown as Record<string, unknown>
    for (const [name, method] of Object.entries(this.#methods)) {
      if (method === undefined) delete own[name]
      else own[name] = method
    }
    response.statusCode = this.#status
    if (isHttp1(response)) response.statusMessage = this.#message
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    for (const [name, value] of this.#headers) response.setHeader(name, value)
    response.addTrailers({})
    this.restoreFields()
  }

  /** The end of the new body is to be determined afresh. */
  restoreFields(): void {
    Object.assign(this.#response, this.#fields)
  }
}

export const isHttp1 = ({ req }: ServerResponse) => req.httpVersionMajor < 2

/** Names in the case in which they were set. */
function rawNames(response: ServerResponse): readonly string[] {
  const { getRawHeaderNames } = response as { getRawHeaderNames?: () => string[] }
  return getRawHeaderNames?.call(response) ?? response.getHeaderNames()
}
