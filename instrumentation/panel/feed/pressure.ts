/** The part of a socket's buffer that matters here. */
export interface Buffered {
  readonly bufferedAmount: number
}

/** Above this no rows are sent. */
const FULL_BYTES = 256 * 1024
/** Below this, rows are sent again. */
const DRAINED_BYTES = 64 * 1024
/** Above this, or stuck for this long, the socket is given up. */
const TOO_MUCH_BYTES = 1024 * 1024
const STUCK_MS = 10_000
/** A page that is full for this long is slow: it will not get what it has missed. */
const SLOW_MS = 1_000

/** `open` takes rows, `full` waits for its buffer to drain, `slow` has waited too long, `lost` is to be closed. */
export type Pressure = 'open' | 'full' | 'slow' | 'lost'

/**
 * How a page keeps up, by the bytes in its socket's buffer. Call it often: it remembers since when the buffer has been
 * full and when it last shrank.
 */
export class PressureGauge {
  #fullSince: number | null = null
  #shrankAt = 0
  #lowest = 0
  #allowance = 0

  /** One message, a snapshot, may be larger than all limits: it is allowed on top of them until it is through. */
  allow(bytes: number): void {
    this.#allowance = bytes
  }

  read(socket: Buffered, now: number): Pressure {
    const buffered = socket.bufferedAmount
    if (buffered <= DRAINED_BYTES || (this.#fullSince === null && buffered <= FULL_BYTES)) {
      if (buffered <= DRAINED_BYTES) this.#allowance = 0
      this.#fullSince = null
      return 'open'
    }
    if (this.#fullSince === null) {
      this.#fullSince = this.#shrankAt = now
      this.#lowest = buffered
    } else if (buffered < this.#lowest) {
      this.#lowest = buffered
      this.#shrankAt = now
    }
    if (buffered > TOO_MUCH_BYTES + this.#allowance || now - this.#shrankAt >= STUCK_MS) return 'lost'
    return now - this.#fullSince >= SLOW_MS ? 'slow' : 'full'
  }
}
