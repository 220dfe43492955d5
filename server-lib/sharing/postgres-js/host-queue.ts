import type { Reserved, SqlQuery, SqlWire } from './postgres-sql.ts'

/** Where the statements of the host are: on their way as ever, or waiting for a savepoint of ours. */
type Phase = 'open' | 'lining up' | 'shut'

/**
 * Stands before a connection of postgres.js for as long as a savepoint of ours is open. postgres.js writes ahead, and has queues
 * of its own for what it cannot: our first statement lines up in them, and from when that is sent, what the host sends is
 * handed to `hold`. Until then nothing is in its way.
 */
export class HostQueue {
  readonly #wire: SqlWire
  /** The host's transaction, or its reservation: each has a function of its own there. */
  readonly #reserved: Reserved
  readonly #execute: SqlWire['execute']
  readonly #hold: (query: SqlQuery) => void
  /** How the connection was lost, while we stood before it. */
  lost: unknown
  /** Whom postgres.js tells that the connection is lost. */
  #closed: SqlWire['onclose']
  #phase: Phase = 'open'
  #isClosing = false
  /** The statement of ours that lines up. */
  #first: SqlQuery | undefined
  #running: SqlQuery | undefined
  #waiting: SqlQuery[] = []
  /** Whether the host's queue has just let one go. */
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
    // postgres.js takes a connection back by itself where this says so.
    this.#onReady.release = this.#reserved.release
    this.#wire.reserved = this.#onReady
    this.#closed = this.#wire.onclose
    this.#wire.onclose = this.#onClose
  }

  /** As soon as what was let through is answered, everything is as it was. */
  open(): void {
    this.#isClosing = true
    if (this.#phase === 'lining up' && !this.#first) return this.#restore()
    if (this.#phase === 'shut') this.#next()
  }

  readonly #onExecute = (query: SqlQuery): unknown => {
    // Whoever has it now is a stranger.
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
    // To postgres.js it is written, and there is room for the next: so each comes by here, in the context of whoever sent it.
    return true
  }

  /** Everything that was written is answered. */
  readonly #onReady: Reserved = () => {
    if (this.#phase === 'lining up') return this.#reserved()
    this.#running = undefined
    // What stood in the queue of postgres.js behind our first statement is held now as well.
    do {
      this.#hasMoved = false
      this.#reserved()
    } while (this.#hasMoved)
    this.#next()
    return undefined
  }

  /** One at a time: what postgres.js may write ahead, and what not, is for its own queue to know. */
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

  /** postgres.js tells the statement that runs, and does not know of those that wait here. */
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
