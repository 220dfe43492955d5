import type { Socket } from 'node:net'

/** What one direction does with its bytes: lets them by, keeps them until it may let them by, or loses them for good. */
export type Flow = 'pass' | 'hold' | 'swallow'

/** Waits in one direction for bytes. Says whether those bytes and what follows are still to be let by. */
export interface Watcher {
  readonly pattern: Buffer
  found(): 'lose' | 'forward'
}

/** One direction of a proxied connection: a FIFO with a time for each chunk, so that a delay never changes the order. */
export class FaultPipe {
  delayMs = 0
  readonly watchers = new Set<Watcher>()
  readonly #from: Socket
  readonly #to: () => Socket | undefined
  readonly #queue: { due: number; chunk: Buffer | null }[] = []
  #flow: Flow = 'pass'
  #tail: Buffer = Buffer.alloc(0)
  #scheduled = false
  #ended = false

  /** `to` may come later than the first bytes: they wait for it. */
  constructor(from: Socket, to: () => Socket | undefined) {
    this.#from = from
    this.#to = to
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    from.once('end', () => this.#end())
    from.once('close', () => this.#end())
  }

  set flow(flow: Flow) {
    this.#flow = flow
    if (flow === 'swallow') {
      // The end itself is not lost for good: it is told when the flow passes again.
      this.#queue.length = 0
      this.#ended = false
    }
    if (flow === 'pass' && (this.#from.readableEnded || this.#from.destroyed)) this.#end()
    if (this.#from.isPaused()) this.#from.resume()
    this.drain()
  }

  #take(chunk: Buffer): void {
    if (this.#flow === 'swallow') return
    for (const watcher of this.watchers) {
      const seen = this.#tail.length > 0 ? Buffer.concat([this.#tail, chunk]) : chunk
      const at = seen.indexOf(watcher.pattern)
      if (at < 0) continue
      this.watchers.delete(watcher)
      if (watcher.found() === 'forward') continue
      // What came before the pattern in this chunk still goes: with pipelining that is somebody's statement.
      const before = at - this.#tail.length
      if (before > 0) this.#push(chunk.subarray(0, before))
      this.drain()
      return
    }
    this.#tail = this.#keep(chunk)
    this.#push(chunk)
    this.drain()
  }

  /** The last bytes that may be the beginning of a pattern that ends in the next chunk. */
  #keep(chunk: Buffer): Buffer {
    const longest = Math.max(0, ...[...this.watchers].map(one => one.pattern.length - 1))
    if (longest === 0) return Buffer.alloc(0)
    const all = Buffer.concat([this.#tail, chunk])
    return all.subarray(Math.max(0, all.length - longest))
  }

  #end(): void {
    if (this.#ended || this.#flow === 'swallow') return
    this.#ended = true
    this.#push(null)
    this.drain()
  }

  #push(chunk: Buffer | null): void {
    this.#queue.push({ due: performance.now() + this.delayMs, chunk })
  }

  /** Lets by what is due, and comes again for the rest. */
  drain(): void {
    const to = this.#to()
    if (this.#flow !== 'pass' || !to || this.#scheduled) return
    for (let head = this.#queue[0]; head; head = this.#queue[0]) {
      const wait = head.due - performance.now()
      if (wait > 0) return this.#later(wait)
      this.#queue.shift()
      if (to.destroyed) continue
      if (head.chunk === null) to.end()
      else if (!to.write(head.chunk)) this.#pauseFor(to)
    }
  }

  #later(waitMs: number): void {
    this.#scheduled = true
    const again = () => {
      this.#scheduled = false
      this.drain()
    }
    // A timer is up to 2 ms late, more than a fast network's whole delay: the last of it is waited for turn by turn.
    if (waitMs > 2) setTimeout(again, Math.floor(waitMs - 1.5))
    else setImmediate(again)
  }

  #pauseFor(to: Socket): void {
    this.#from.pause()
    to.once('drain', () => this.#from.resume())
  }
}
