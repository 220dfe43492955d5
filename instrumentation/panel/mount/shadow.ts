import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'

type Listener = (...args: unknown[]) => void
type Serve = (request: IncomingMessage, ...rest: never[]) => void

export interface ShadowOptions {
  isOurs: (request: IncomingMessage) => boolean
  /** Handles a request that is ours. Called once per request. */
  serve: Serve
  /** Handles a request that is not ours and has no other listener. If left out, we do not listen ourselves. */
  unclaimed?: Serve
}

/**
 * Keeps our requests from all other listeners of one event of a server, later ones too, and leaves all other requests
 * to them. Each listener is wrapped as Node wraps those of `once`: `listeners()` shows the listener itself and
 * `removeListener` removes it, so code that rearranges them (socket.io does) finds what it added.
 */
export class Shadow {
  readonly #server: EventEmitter
  readonly #event: string
  readonly #options: ShadowOptions
  readonly #originals = new WeakMap<Listener, Listener>()
  readonly #served = new WeakSet<IncomingMessage>()
  #isArranging = false

  constructor(server: EventEmitter, event: string, options: ShadowOptions) {
    this.#server = server
    this.#event = event
    this.#options = options
  }

  start(): void {
    this.#arrange()
    this.#server.on('newListener', this.#onNewListener)
  }

  /** Leaves the listeners as they would be without us. */
  stop(): void {
    this.#server.removeListener('newListener', this.#onNewListener)
    this.#replaceAll(
      this.#current()
        .filter(listener => listener !== this.#own)
        .map(listener => this.#originals.get(listener) ?? listener),
    )
  }

  readonly #own: Listener = (...args) => {
    const [request] = args as [IncomingMessage]
    if (this.#options.isOurs(request)) return this.#serveOnce(args)
    const isAlone = this.#current().every(listener => listener === this.#own)
    if (isAlone) this.#options.unclaimed?.(...(args as [IncomingMessage, ...never[]]))
  }

  readonly #onNewListener = (event: string | symbol): void => {
    // The event is emitted before the listener is added. No request can come before a microtask.
    if (event === this.#event && !this.#isArranging) queueMicrotask(() => this.#arrange())
  }

  #arrange(): void {
    const others = this.#current().filter(listener => listener !== this.#own)
    const guarded = others.map(listener => (this.#originals.has(listener) ? listener : this.#guard(listener)))
    this.#replaceAll(this.#options.unclaimed ? [this.#own, ...guarded] : guarded)
  }

  #guard(original: Listener): Listener {
    const { isOurs } = this.#options
    const serveOnce = (args: unknown[]) => this.#serveOnce(args)
    function guard(this: unknown, ...args: unknown[]): unknown {
      if (isOurs(args[0] as IncomingMessage)) return serveOnce(args)
      return Reflect.apply(original, this, args)
    }
    guard.listener = (original as { listener?: Listener }).listener ?? original
    this.#originals.set(guard, original)
    return guard
  }

  #serveOnce(args: unknown[]): void {
    const request = args[0] as IncomingMessage
    if (this.#served.has(request)) return
    this.#served.add(request)
    this.#options.serve(...(args as [IncomingMessage, ...never[]]))
  }

  #current(): Listener[] {
    return this.#server.rawListeners(this.#event) as Listener[]
  }

  #replaceAll(listeners: Listener[]): void {
    this.#isArranging = true
    try {
      this.#server.removeAllListeners(this.#event)
      for (const listener of listeners) this.#server.on(this.#event, listener)
    } finally {
      this.#isArranging = false
    }
  }
}
