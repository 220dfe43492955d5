import type { Reserved, SqlQuery, SqlWire } from './postgres-sql.ts'

/** What happens to the host's statements: sent as usual, or held while a savepoint of ours is open. */
type Phase = 'open' | 'lining up' | 'shut'

/**
 * Shadows a connection of postgres.js while a savepoint of ours is open. postgres.js pipelines, and queues what it
 * cannot pipeline. Our first statement lines up in those queues; once it is sent, the host's statements go to `hold`.
 * Until then the host is not held up.
 */
export class HostQueue {
  readonly #wire: SqlWire
  /** The `reserved` function of the host's transaction or reservation: each has its own. */
  readonly #reserved: Reserved
  readonly #execute: SqlWire['execute']
  readonly #hold: (query: SqlQuery) => void
  /** Why the connection was lost while it was shadowed. */
  lost: unknown
  /** The host's handler for the loss of the connection. */
  #closed: SqlWire['onclose']
  #phase: Phase = 'open'
  #isClosing = false
  /** Our first statement, while it lines up. */
  #first: SqlQuery | undefined
  #running: SqlQuery | undefined
  #waiting: SqlQuery[] = []
  /** Whether the queue of postgres.js has just sent a statement. */
  #hasMoved = false

  constructor(wire: SqlWire, reserved: Reserved, hold: (query: SqlQuery) => void) {
    this.#wire = wire
    this.#reserved = reserved
    this.#execute = wire.execute
    this.#hold = hold
    this.#onReady.instead = reserved
  }

  /** Whether the host has ended its transaction, given the connection back, or lost it. */
  get isOver(): boolean {
    const { reserved } = this.#wire
    return reserved !== this.#reserved && reserved !== this.#onReady
  }

  /** Sends a statement of ours, or one of the host that may go now. */
  send(query: SqlQuery): void {
    switch (this.#phase) {
      case 'open':
        return query.handler(query) as void
      case 'lining up':
        if (this.#first) this.#waiting.push(query)
        else void (this.#first = query).handler(query)
        return
      case 'shut':
        this.#waiting.push(query)
        return this.#next()
      default:
        throw this.#phase satisfies never
    }
  }

  shut(): void {
    this.#isClosing = false
    if (this.#phase !== 'open') return
    this.#phase = 'lining up'
    this.#wire.execute = this.#onExecute
    // postgres.js releases a connection by itself where this is set.
    this.#onReady.release = this.#reserved.release
    this.#wire.reserved = this.#onReady
    this.#closed = this.#wire.onclose
    this.#wire.onclose = this.#onClose
  }

  /** Restores everything once the statements that were let through are answered. */
  open(): void {
    this.#isClosing = true
    if (this.#phase === 'lining up' && !this.#first) return this.#restore()
    if (this.#phase === 'shut') this.#next()
  }

  readonly #onExecute = (query: SqlQuery): unknown => {
    // The connection belongs to another transaction by now.
    if (this.isOver) {
      this.#restore()
      return this.#pass(query)
    }
    this.#hasMoved = true
    if (this.#phase === 'lining up') {
      if (query === this.#first) {
        this.#first = undefined
        this.#phase = 'shut'
        return this.#start(query)
      }
      return this.#pass(query)
    }
    if (this.#isClosing) this.#waiting.push(query)
    else this.#hold(query)
    // Tells postgres.js that it was written and there is room for the next, so that each statement comes by here, in
    // its caller's context.
    return true
  }

  /** Everything that was written is answered. */
  readonly #onReady: Reserved = () => {
    if (this.#phase === 'lining up') return this.#reserved()
    this.#running = undefined
    // Statements that postgres.js had queued behind our first one are held now as well.
    do {
      this.#hasMoved = false
      this.#reserved()
    } while (this.#hasMoved)
    this.#next()
    return undefined
  }

  /** One at a time: only postgres.js's own queue knows what may be pipelined. */
  #next(): void {
    while (!this.#running) {
      const query = this.#waiting.shift()
      if (!query) break
      if (!query.cancelled) this.#start(query)
    }
    if (!this.#running && this.#isClosing) this.#restore()
  }

  #start(query: SqlQuery): unknown {
    this.#running = query
    return this.#pass(query)
  }

  /** postgres.js reports the loss to the running statement, and does not know of those that wait here. */
  readonly #onClose = (error: unknown): void => {
    const { onclose } = this.#wire
    const left = [this.#first, ...this.#waiting.splice(0)]
    this.lost = error
    this.#running = undefined
    this.#restore()
    for (const query of left) query?.reject(error)
    if (onclose === this.#onClose) this.#closed?.(error)
  }

  #pass(query: SqlQuery): unknown {
    return Reflect.apply(this.#execute, this.#wire, [query])
  }

  #restore(): void {
    this.#phase = 'open'
    this.#first = undefined
    if (this.#wire.execute === this.#onExecute) this.#wire.execute = this.#execute
    if (this.#wire.reserved === this.#onReady) this.#wire.reserved = this.#reserved
    if (this.#wire.onclose !== this.#onClose) return
    if (this.#closed === undefined) delete this.#wire.onclose
    else this.#wire.onclose = this.#closed
  }
}
