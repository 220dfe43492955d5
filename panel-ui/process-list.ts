import { CLOSE, SUBPROTOCOL, type ProcessFacts } from '../instrumentation/model/protocol.ts'
import { parse, socketUrl, type Link } from './connection.ts'
import { retryDelay } from './retry.ts'
import { dropToken, keepToken } from './token.ts'

export interface Listener {
  link(link: Link): void
  heard(living: readonly ProcessFacts[]): void
}

/** The websocket that tells which processes there are. Whichever process has the port answers. */
export class ProcessList {
  readonly #listener: Listener
  readonly #token: string | null
  #socket: WebSocket | null = null
  #retry: ReturnType<typeof setTimeout> | undefined
  #attempts = 0

  constructor(listener: Listener, token: string | null) {
    this.#listener = listener
    this.#token = token
  }

  open(): void {
    if (this.#token === null) return this.#listener.link({ state: 'unauthorized', reason: 'no token' })
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retryNow()
    })
    this.#connect()
  }

  retryNow(): void {
    clearTimeout(this.#retry)
    if (!this.#socket) this.#connect()
  }

  #connect(): void {
    this.#listener.link({ state: 'connecting' })
    const socket = new WebSocket(socketUrl('processes'), SUBPROTOCOL)
    this.#socket = socket
    socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token: this.#token }))
    socket.onmessage = event => {
      const message = parse(event.data)
      if (message?.type !== 'processes') return
      this.#attempts = 0
      if (!message.isMounted) keepToken(this.#token!)
      this.#listener.link({ state: 'live' })
      this.#listener.heard(message.all)
    }
    socket.onclose = event => {
      this.#socket = null
      if (event.code === CLOSE.unauthorized) {
        dropToken()
        return this.#listener.link({ state: 'unauthorized', reason: 'wrong token' })
      }
      const delay = retryDelay(this.#attempts++)
      this.#listener.link({ state: 'lost', retryAt: performance.now() + delay, reason: event.reason || null })
      this.#retry = setTimeout(() => this.#connect(), delay)
    }
  }
}
