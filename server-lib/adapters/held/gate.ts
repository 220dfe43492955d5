/** What a response has to wait for. */
export interface Gate {
  /** Whether something is open that must end before the response may. */
  readonly isDue: boolean
  /** Whether the body may be read from what is open: then that cannot end before the body is sent. */
  readonly feedsBody: boolean
  /**
   * Ends what is open. Resolves to another body if the response's own would be untrue; rejects if the response must not
   * be sent.
   */
  settle(answer: HeldAnswer): Promise<OtherBody | undefined>
  /** The response was not sent. It can be answered anew, unless `response.headersSent`: then its connection was cut. */
  failed(error: unknown): void
}

/** What is known of a held response. */
export interface HeldAnswer {
  /** Reads a header as it would be sent. */
  header(name: string): unknown
  /** If false, the handler is still at work. */
  readonly isEnded: boolean
  /**
   * The body's parts, each with its encoding, if the body is complete and none of it has been sent; otherwise empty.
   */
  readonly body: readonly (readonly unknown[])[]
}

/** A body that replaces the response's own, with a status if the present one would be wrong for it. */
export interface OtherBody {
  readonly body: Uint8Array
  readonly status?: number
}

export interface HoldOptions {
  /** How many bytes are held of a body that is written in parts. */
  readonly holdBytes: number
  /** What happens when there are more, or the handler flushes the headers. */
  readonly streaming: 'commit first' | 'commit last'
}

/** A header from a handler to us; it is not sent to the client. */
export const OWN_HEADER = 'x-tm'
