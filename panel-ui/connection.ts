import {
  CLOSE,
  SUBPROTOCOL,
  type Bye,
  type ClientMessage,
  type Hello,
  type Processes,
  type ServerMessage,
  type Subscribe,
} from '../instrumentation/model/protocol.ts'
import { retryDelay } from './retry.ts'

/** The state of the link to the process. `retryAt` is on the page's own clock (`performance.now()`). */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'lost'; readonly retryAt: number; readonly reason: string | null }
  /** The process has ended: what is shown is its last word. `at` is in epoch milliseconds. */
  | { readonly state: 'ended'; readonly at: number }
  | { readonly state: 'unauthorized'; readonly reason: 'no token' | 'wrong token' }

export interface Receiver {
  link(link: Link): void
  /** The first message of a new socket. Returns where to continue. */
  hello(hello: Hello): Subscribe['since']
  message(message: Exclude<ServerMessage, Hello>): void
  /** The last row received, to acknowledge. */
  readonly received: number
  /** Whether a view shows what only the servers can report. */
  readonly wantsTruth: boolean
}

const ACKNOWLEDGE_MS = 1000
const DISMISS_MS = 80
/**
 * A process sends `stat` each second, and each fifth to a hidden page: after this long without a message the link is
 * dead.
 */
const SILENCE_MS = 15_000

/** The websocket to one process: authenticates, subscribes, reconnects. It knows nothing of rows or views. */
export class Connection {
  readonly #receiver: Receiver
  readonly #token: string
  readonly #boot: string
  readonly #over = new AbortController()
  #socket: WebSocket | null = null
  #attempts = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #heardAt = 0
  #acknowledged = 0
  #farewell: Bye | null = null
  readonly #dismissed: string[] = []

  constructor(receiver: Receiver, token: string, boot: string) {
    this.#receiver = receiver
    this.#token = token
    this.#boot = boot
    const { signal } = this.#over
    document.addEventListener('visibilitychange', () => this.#seen(), { signal })
    const timer = setInterval(() => this.#tend(), ACKNOWLEDGE_MS)
    signal.addEventListener('abort', () => clearInterval(timer))
    this.#connect()
  }

  end(): void {
    this.#over.abort()
    clearTimeout(this.#retry)
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }

  retryNow(): void {
    clearTimeout(this.#retry)
    if (!this.#socket && !this.#over.signal.aborted) this.#connect()
  }

  /** Starts again on a new socket, after rows were thrown away. */
  resync(): void {
    this.#attempts = 0
    if (this.#socket) this.#socket.close()
    else this.retryNow()
  }

  /** Tells the process whether to ask the servers. Valid for one socket, so it is sent again on each. */
  watch(truth: boolean): void {
    this.#send({ type: 'watch', truth })
  }

  /** A finding was read. Many at once are sent one after the other: a page that sends too much is sent away. */
  dismiss(key: string): void {
    this.#dismissed.push(key)
    if (this.#dismissed.length === 1) this.#sendDismissed()
  }

  #sendDismissed(): void {
    const [key] = this.#dismissed
    if (key === undefined) return
    setTimeout(() => {
      if (this.#send({ type: 'dismiss', key })) this.#dismissed.shift()
      this.#sendDismissed()
    }, DISMISS_MS)
  }

  #connect(): void {
    this.#receiver.link({ state: 'connecting' })
    const socket = new WebSocket(socketUrl(`socket?process=${this.#boot}`), SUBPROTOCOL)
    this.#socket = socket
    this.#heardAt = performance.now()
    this.#acknowledged = 0
    socket.onopen = () => this.#send({ type: 'auth', token: this.#token })
    socket.onmessage = event => this.#receive(event.data)
    socket.onclose = event => {
      if (this.#socket !== socket) return
      this.#socket = null
      this.#closed(event.code, event.reason)
    }
  }

  #receive(data: unknown): void {
    this.#heardAt = performance.now()
    const message = parse(data)
    if (!message || message.type === 'processes') return
    if (message.type === 'hello') {
      this.#attempts = 0
      const since = this.#receiver.hello(message)
      this.#send({ type: 'sub', since })
      if (document.hidden) this.#send({ type: 'vis', visible: false })
      if (this.#receiver.wantsTruth) this.watch(true)
      this.#receiver.link({ state: 'live' })
      return
    }
    if (message.type === 'bye') this.#farewell = message
    this.#receiver.message(message)
  }

  #closed(code: number, reason: string): void {
    if (code === CLOSE.unauthorized) {
      return this.#receiver.link({ state: 'unauthorized', reason: 'wrong token' })
    }
    const delay = Math.max(retryDelay(this.#attempts++), this.#farewell?.retryAfterMs ?? 0)
    const why = this.#farewell?.reason ?? sayWhy(code, reason)
    this.#farewell = null
    this.#receiver.link({ state: 'lost', retryAt: performance.now() + delay, reason: why })
    this.#retry = setTimeout(() => this.#connect(), delay)
  }

  #seen(): void {
    this.#send({ type: 'vis', visible: !document.hidden })
    // The browser slows down a hidden page's timers: a reader who returns should not wait for one.
    if (!document.hidden && !this.#socket) this.retryNow()
  }

  #tend(): void {
    const { received } = this.#receiver
    if (received > this.#acknowledged) {
      this.#acknowledged = received
      this.#send({ type: 'ack', seq: received })
    }
    const silence = performance.now() - this.#heardAt
    if (this.#socket && silence > SILENCE_MS) {
      const socket = this.#socket
      this.#socket = null
      socket.close()
      this.#closed(1006, '')
    }
  }

  /** Whether there is a socket to send it on. */
  #send(message: ClientMessage): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(JSON.stringify(message))
    return true
  }
}

function sayWhy(code: number, reason: string): string | null {
  if (code === CLOSE.tooManyViewers) return 'Too many pages watch this process.'
  if (code === CLOSE.tooSlow) return 'This page was too slow to keep up.'
  return reason || null
}

export function parse(data: unknown): ServerMessage | Processes | null {
  if (typeof data !== 'string') return null
  try {
    const message: unknown = JSON.parse(data)
    return typeof message === 'object' && message !== null && 'type' in message
      ? (message as ServerMessage | Processes)
      : null
  } catch {
    return null
  }
}

/** Of a socket of the panel, beside the page. */
export function socketUrl(path: string): URL {
  const page = new URL(location.href)
  page.hash = page.search = ''
  const url = new URL(path, page)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url
}
