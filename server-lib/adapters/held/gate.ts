/** What a response has to wait for, as it sees it. */
export interface Gate {
  /** Whether something is open that has to be ended before the response may be. */
  readonly isDue: boolean
  /** Whether the body may come out of what is open: then that cannot be ended before the body flows. */
  readonly feedsBody: boolean
  /** Ends what is open. Resolves to another body where the response's own is not what is so; rejects when it must not be sent. */
  settle(answer: HeldAnswer): Promise<OtherBody | undefined>
  /** The response was not sent. It can be answered anew, unless `response.headersSent`: then its connection was cut. */
  failed(error: unknown): void
}

/** What is known of a response while it is held. */
export interface HeldAnswer {
  /** Reads the headers that it would have. */
  header(name: string): unknown
  /** Where it has not been ended the handler is still at work. */
  readonly isEnded: boolean
  /** The body in its parts, each with its encoding, while none of it has been sent and nothing is to come. */
  readonly body: readonly (readonly unknown[])[]
}

/** What is sent in the place of a body, and of a status that would be wrong with it. */
export interface OtherBody {
  readonly body: Uint8Array
  readonly status?: number
}

export interface HoldOptions {
  /** How many bytes of a body are held that is written in parts. */
  readonly holdBytes: number
  /** What happens when there are more, or the handler flushes the headers. */
  readonly streaming: 'commit first' | 'commit last'
}

/** A header by which a handler speaks to us, and not to the client. */
export const OWN_HEADER = 'x-tm'
