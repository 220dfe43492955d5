import { WebSocket, type ClientOptions } from 'ws'
import {
  SUBPROTOCOL,
  type ClientMessage,
  type Hello,
  type ServerMessage,
  type Stat,
} from '../../model/protocol.ts'
import type { Row } from '../../model/codec.ts'
import type { Finding } from '../../model/finding.ts'
import { PageState } from './page-state.ts'

/** A page without a browser: speaks the protocol and applies the rows it gets. */
export class Page {
  readonly messages: ServerMessage[] = []
  readonly state = new PageState()
  readonly texts = new Map<number, string>()
  /** What it was told to be wrong, by key. */
  readonly findings = new Map<string, Finding>()
  /** The numbers of all rows that came as events. */
  readonly seqs: number[] = []
  readonly socket: WebSocket
  readonly origin: string
  readonly closed: Promise<{ code: number; reason: string }>
  #waiting: (() => void)[] = []

  /** `origin: undefined` sends none, as a program does. */
  constructor(
    url: string,
    options: ClientOptions & { protocols?: string[]; origin?: string | undefined } = {},
  ) {
    const { origin } = new URL(url)
    this.origin = origin
    this.socket = new WebSocket(
      `${origin.replace('http', 'ws')}/__enginelight/socket`,
      options.protocols ?? [SUBPROTOCOL],
      { origin, ...options } as ClientOptions,
    )
    this.closed = new Promise(resolve =>
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })),
    )
    this.socket.on('error', () => {})
    this.socket.on('message', data => {
      this.#take(JSON.parse(String(data)) as ServerMessage)
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  static async open(url: string, since: { boot: string; seq: number } | null = null): Promise<Page> {
    const page = await Page.enter(url)
    page.send({ type: 'sub', since })
    return page
  }

  /** Shows the token and gets `hello`, without subscribing. */
  static async enter(url: string): Promise<Page> {
    const page = new Page(url)
    await page.opened()
    page.send({ type: 'auth', token: tokenOf(url) })
    await page.until(() => page.hello !== undefined)
    return page
  }

  get hello(): Hello | undefined {
    return this.messages.find(message => message.type === 'hello')
  }

  get stats(): Stat[] {
    return this.messages.filter(message => message.type === 'stat')
  }

  get types(): string[] {
    return this.messages.map(message => message.type)
  }

  async opened(): Promise<void> {
    if (this.socket.readyState === WebSocket.OPEN) return
    await new Promise<void>((resolve, reject) => {
      this.socket.once('open', resolve)
      this.socket.once('error', reject)
    })
  }

  send(message: ClientMessage): void {
    this.socket.send(JSON.stringify(message))
  }

  /** Waits for messages until the condition holds. */
  async until(isTrue: () => boolean, timeoutMs = 5_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!isTrue()) {
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`It did not come about in ${timeoutMs} ms: ${isTrue}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  untilSeq(seq: number): Promise<void> {
    return this.until(() => this.state.seq >= seq)
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }

  #take(message: ServerMessage): void {
    this.messages.push(message)
    if (message.type === 'dict') for (const [id, text] of message.entries) this.texts.set(id, text)
    if (message.type === 'findings') {
      for (const key of message.over) this.findings.delete(key)
      for (const finding of message.found) this.findings.set(finding.key, finding)
    }
    if (message.type === 'snap') {
      this.state.reset()
      this.#apply(message.rows)
      this.state.seq = message.seq
    }
    if (message.type === 'ev') {
      this.#apply(message.rows)
      for (const row of message.rows) this.seqs.push(row[0])
    }
  }

  #apply(rows: Row[]): void {
    for (const row of rows) this.state.apply(row, this.texts)
  }
}

export function tokenOf(url: string): string {
  return new URL(url).hash.replace('#t=', '')
}
