/** Receives one row message: its bytes, and where its body begins. */
type Row = (bytes: Buffer, at: number) => void

/** The parts of the socket under pg's connection that we use. */
export interface TappedStream {
  readonly writable?: boolean
  write(bytes: Uint8Array): unknown
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  removeListener(event: 'data', listener: (chunk: Buffer) => void): unknown
  listeners(event: 'data'): unknown[]
}

/** Where pg emits the messages that it has read. */
export interface MessageEvents {
  readonly stream: TappedStream
  once(event: 'parseComplete', listener: () => void): unknown
  removeListener(event: 'parseComplete', listener: () => void): unknown
}

const DATA_ROW = 'D'.charCodeAt(0)
const NO_DATA = 'n'.charCodeAt(0)
/** Code and length. */
const HEADER = 5

/**
 * Reads one statement's rows off pg's socket as raw bytes, and leaves every other message to pg. pg decodes each value
 * to a string before any hook, which takes most of the time and loses the bytes of binary values. Start it before the
 * statement's Parse is sent, and stop it when pg reports the statement's end.
 */
export class WireTap {
  readonly #wire: MessageEvents
  readonly #row: Row
  readonly #noData: () => void
  readonly #pgs: ((chunk: Buffer) => void)[]
  /** Whether the position is at a message's beginning. */
  #isInStep = false
  #isStopped = false
  /** A message that has arrived only in part. */
  #part: Buffer = Buffer.alloc(0)
  #partLength = 0

  constructor(wire: MessageEvents, row: Row, noData: () => void) {
    this.#wire = wire
    this.#row = row
    this.#noData = noData
    const { stream } = wire
    this.#pgs = stream.listeners('data') as ((chunk: Buffer) => void)[]
    wire.once('parseComplete', this.#onParsed)
    stream.on('data', this.#onData)
    for (const listener of this.#pgs) stream.removeListener('data', listener)
  }

  /**
   * From now on pg reads everything again. May be called while a message is being passed on; the rest of the chunk then
   * follows.
   */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    const { stream } = this.#wire
    for (const listener of this.#pgs) stream.on('data', listener)
    stream.removeListener('data', this.#onData)
    this.#wire.removeListener('parseComplete', this.#onParsed)
    // Called between two chunks, as by pg's `query_timeout`: pg reads the rest of a message that has begun.
    if (this.#partLength > 0) this.#pass(this.#part, 0, this.#partLength)
  }

  readonly #onParsed = () => void (this.#isInStep = true)

  readonly #onData = (chunk: Buffer) => {
    let at = 0
    // pg may hold part of an unrelated message, such as a NOTIFY. Passed byte by byte, the answer to our Parse ends
    // exactly where pg reports it.
    while (!this.#isInStep && !this.#isStopped && at < chunk.length) this.#pass(chunk, at, ++at)
    if (this.#partLength > 0) at = this.#complete(chunk, at)
    while (!this.#isStopped && at + HEADER <= chunk.length) {
      const end = at + 1 + chunk.readUInt32BE(at + 1)
      if (end > chunk.length) break
      this.#message(chunk, at, end)
      at = end
    }
    if (at >= chunk.length) return
    if (this.#isStopped) this.#pass(chunk, at, chunk.length)
    else this.#keep(chunk, at, chunk.length)
  }

  #message(bytes: Buffer, at: number, end: number): void {
    const code = bytes[at]
    if (code === DATA_ROW) return this.#row(bytes, at + HEADER)
    this.#pass(bytes, at, end)
    if (code === NO_DATA) this.#noData()
  }

  #pass(bytes: Buffer, at: number, end: number): void {
    const message = bytes.subarray(at, end)
    for (const listener of this.#pgs) listener.call(this.#wire.stream, message)
  }

  /** Completes the message that has begun; returns where the next one begins. */
  #complete(chunk: Buffer, at: number): number {
    const headed = Math.min(chunk.length, at + Math.max(0, HEADER - this.#partLength))
    this.#keep(chunk, at, headed)
    if (this.#partLength < HEADER) return headed
    const length = 1 + this.#part.readUInt32BE(1)
    const end = Math.min(chunk.length, headed + length - this.#partLength)
    if (this.#part.length < length) this.#part = Buffer.concat([this.#part], length)
    this.#keep(chunk, headed, end)
    if (this.#partLength < length) return end
    this.#partLength = 0
    this.#message(this.#part, 0, length)
    return end
  }

  #keep(chunk: Buffer, at: number, end: number): void {
    const length = this.#partLength + end - at
    if (this.#part.length < length) this.#part = Buffer.concat([this.#part], Math.max(length, 4096))
    chunk.copy(this.#part, this.#partLength, at, end)
    this.#partLength = length
  }
}
