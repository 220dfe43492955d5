import type { Readable } from 'node:stream'
import type { DriverCallback } from './result.ts'

/** A statement that reads its answer by itself, such as a cursor or a stream, by the parts that we use. */
export interface DriverStream {
  text?: string
  values?: unknown[] | null
  callback?: DriverCallback
  destroyed?: boolean
  destroy?(error?: Error): unknown
  handleError?(error: Error, connection?: unknown): void
  handleReadyForQuery?(connection?: unknown): void
}

/** How a stream ended. */
export interface StreamEnd {
  error: Error | null
  rows: number
  command: string | null
}

/** Makes of a driver's error what the caller is told. */
export type Tell = (error: Error) => Error

/** What a dialect can do with the streams of its driver. A dialect whose driver has none takes nothing for one. */
export interface Streams {
  is(statement: unknown): statement is DriverStream
  /** Makes a stream of rows. Throws EL_MISSING_PEER. Undefined for a driver without streams. */
  readonly open: ((text: string, values: unknown[]) => Readable & DriverStream) | undefined
  /** Calls `ended` once when it is over. Its own handlers are served first. */
  onEnd(stream: DriverStream, ended: (end: StreamEnd) => void): void
  /** Lets it hand on each error as `tell` has it. */
  tellErrors(stream: DriverStream, tell: Tell): void
  /** Lets its `close` call back as soon as the statement is over, whatever becomes of the connection. */
  closeWhenOver(stream: DriverStream, tell: Tell): void
  /** Serves it in the async context that runs now. The returned function takes that off again. */
  bind(stream: DriverStream): () => void
  /** Whether the server has yet to answer what was sent. Between two batches it waits for the reader. */
  isOwedAnAnswer(stream: DriverStream): boolean
}

export const NO_STREAMS: Streams = {
  is: (_statement): _statement is DriverStream => false,
  open: undefined,
  onEnd() {},
  tellErrors() {},
  closeWhenOver() {},
  bind: () => () => {},
  isOwedAnAnswer: () => false,
}

/** Ends a stream that is not sent: its reader gets the error. */
export function refuseStream(stream: DriverStream, error: Error): void {
  if (stream.destroy) stream.destroy(error)
  else stream.handleError?.(error)
}
