import type { WebSocket } from 'ws'
import { parseClientMessage } from '../feed/index.ts'
import type { TokenLock } from '../locks/index.ts'
import { CLOSE, type ClientMessage } from '../../model/protocol.ts'

const AUTH_MS = 2_000
/** How long a socket with a wrong token waits for its answer. Other sockets are not held up. */
const WRONG_TOKEN_MS = 1_000
const CLOSING_MS = 2_000
const MESSAGES_PER_SECOND = 20
const RETRY_MS = 5_000

/** A socket whose token was right. */
export interface Guest {
  receive(message: ClientMessage): void
  leave(): void
}

/** What is behind the door: it admits a socket as a guest, or says why there is no place for one more. */
export interface VisitorContext {
  readonly token: TokenLock
  admit(socket: WebSocket): Guest | { readonly full: string }
}

/**
 * An open socket of the panel: first a stranger with two seconds to show the token, then a viewer. A stranger learns
 * nothing, not even a version. After a wrong token it is not heard any more, and is closed a moment later.
 */
export class Visitor {
  readonly #socket: WebSocket
  readonly #context: VisitorContext
  /** A stranger's one timer: for its token, for the answer to a wrong one, for its closing. */
  #timer: NodeJS.Timeout
  #isRefused = false
  #guest: Guest | null = null
  #secondBegan = 0
  #messagesThisSecond = 0
  #hasAnswered = true

  constructor(socket: WebSocket, context: VisitorContext) {
    this.#socket = socket
    this.#context = context
    // Not closed as unauthorized, after which a page gives up: the token may be unread behind a stall of this process.
    this.#timer = setTimeout(() => this.#close(CLOSE.noToken, 'no token came'), AUTH_MS).unref()
    // A frame that breaks the rules is reported as an error of the socket; unheard it would end the process.
    socket.on('error', () => socket.terminate())
    socket.on('pong', () => void (this.#hasAnswered = true))
    socket.on('close', () => this.#leave())
    socket.on('message', (data, isBinary) => {
      try {
        this.#receive(data, isBinary)
      } catch {
        this.#close(1011, 'the panel failed')
      }
    })
  }

  /** Resolves when its socket is closed. */
  get closed(): Promise<void> {
    if (this.#socket.readyState === this.#socket.CLOSED) return Promise.resolve()
    return new Promise(resolve => void this.#socket.once('close', () => resolve()))
  }

  get isStranger(): boolean {
    return this.#guest === null
  }

  /** Whether it has shown a wrong token, and is only waiting to be closed. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  /** Ends a socket whose last ping was not answered. */
  ping(): void {
    if (!this.#hasAnswered) return this.#socket.terminate()
    this.#hasAnswered = false
    this.#socket.ping()
  }

  terminate(): void {
    this.#socket.terminate()
  }

  #receive(data: unknown, isBinary: boolean): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    if (!this.#isWithinRate()) return this.#close(1008, `more than ${MESSAGES_PER_SECOND} messages a second`)
    if (this.#isRefused) return
    if (isBinary) return this.#close(1003, 'the panel speaks text')
    const message = parseClientMessage(String(data))
    if (this.#guest === null) return this.#admit(message)
    if (message === 'malformed') return this.#close(1007, 'a malformed message')
    if (message !== 'unknown') this.#guest.receive(message)
  }

  #admit(message: ClientMessage | 'unknown' | 'malformed'): void {
    if (typeof message === 'string' || message.type !== 'auth' || !this.#context.token.admits(message.token))
      return this.#refuse()
    clearTimeout(this.#timer)
    const admitted = this.#context.admit(this.#socket)
    if ('full' in admitted) {
      this.#socket.send(JSON.stringify({ type: 'bye', reason: admitted.full, retryAfterMs: RETRY_MS }))
      return this.#close(CLOSE.tooManyViewers, admitted.full)
    }
    this.#guest = admitted
  }

  #refuse(): void {
    this.#isRefused = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => this.#close(CLOSE.unauthorized, 'the token is wrong'),
      WRONG_TOKEN_MS,
    ).unref()
  }

  #isWithinRate(): boolean {
    const now = performance.now()
    if (now - this.#secondBegan >= 1_000) {
      this.#secondBegan = now
      this.#messagesThisSecond = 0
    }
    return ++this.#messagesThisSecond <= MESSAGES_PER_SECOND
  }

  #close(code: number, reason: string): void {
    this.#socket.close(code, reason)
    // A page that does not answer the closing frame keeps its place for no longer than this.
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#socket.terminate(), CLOSING_MS).unref()
  }

  #leave(): void {
    clearTimeout(this.#timer)
    this.#guest?.leave()
  }
}
