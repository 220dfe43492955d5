import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { WebSocketServer } from 'ws'
import { Feed } from '../feed/index.ts'
import { PeerLock, NameLock, TokenLock, refusal, type Locks } from '../locks/index.ts'
import type { PanelSettings } from '../options.ts'
import { SOCKET_PATH, answerPage, answerText, type PageFiles } from '../page/index.ts'
import type { Finding } from '../../model/finding.ts'
import { SUBPROTOCOL } from '../../model/protocol.ts'
import { Recorder } from '../recorder/index.ts'
import { greeting } from './greeting.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { Visitor, type VisitorContext } from './visitor.ts'

/** How many sockets may be open without a token, which bounds their memory and timers. */
const STRANGERS = 100
const PING_SECONDS = 15
const LONGEST_FRAME = 16 * 1024
/** How long a page may take to answer the goodbye. */
const GOODBYE_MS = 250

/** What a doorway needs that takes time to load. */
export interface DoorwayParts {
  WebSocketServer: typeof WebSocketServer
  files: PageFiles
  version: string
}

/** The panel on a server: takes the panel's own requests and upgrades, and answers or ends each of them. */
export class Doorway {
  readonly #locks: Locks
  readonly #files: PageFiles
  readonly #sockets: WebSocketServer
  readonly #context: VisitorContext
  readonly #visitors = new Set<Visitor>()
  readonly #isServing: () => boolean
  #seconds = 0
  #isClosed = false

  /**
   * `isServing` turns false when the server stops listening, which our open sockets must not delay. `applicationUrl` is
   * the application's URL, if known.
   */
  constructor(
    settings: PanelSettings,
    recorder: Recorder,
    parts: DoorwayParts,
    isServing: () => boolean,
    applicationUrl: () => string | null,
  ) {
    this.#locks = {
      peer: new PeerLock(settings.allow),
      name: new NameLock(settings.allowedHosts, settings.allowedOrigins),
    }
    this.#files = parts.files
    this.#isServing = isServing
    this.#sockets = new parts.WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: LONGEST_FRAME,
      perMessageDeflate: false,
      handleProtocols: () => SUBPROTOCOL,
    })
    const who = greeting(settings, recorder, parts.version, applicationUrl)
    const feed = new Feed(recorder, who, () => this.#everySecond(), settings)
    this.#context = { recorder, feed, token: new TokenLock(settings.token) }
  }

  /** What is wrong in the process now. */
  findings(): readonly Finding[] {
    return this.#context.feed.findings()
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    try {
      const refused = refusal(request, this.#locks)
      if (refused !== null) return answerText(response, 403, refused)
      answerPage(request, response, this.#files)
    } catch {
      response.destroy()
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // An unheard error would end the application.
    socket.on('error', () => socket.destroy())
    try {
      const refused = refusal(request, this.#locks)
      if (refused !== null) return refuseUpgrade(socket, 403, refused)
      if (this.#isClosed) return refuseUpgrade(socket, 503, 'The panel is closed.')
      if (request.url !== SOCKET_PATH) return refuseUpgrade(socket, 404, 'The panel has no such socket.')
      if (!offersProtocol(request)) return refuseUpgrade(socket, 400, `The panel speaks ${SUBPROTOCOL}.`)
      this.#makeRoom()
      this.#sockets.handleUpgrade(request, socket, head, opened => {
        // A watching page does not keep the process alive.
        ;(socket as Socket).unref?.()
        const visitor = new Visitor(opened, this.#context)
        this.#visitors.add(visitor)
        opened.on('close', () => this.#visitors.delete(visitor))
      })
    } catch {
      socket.destroy()
    }
  }

  /**
   * Makes room for one more stranger. A newcomer is never refused, because it may have the right token. One with a
   * wrong token has to go, or else the oldest, which has had the most time.
   */
  #makeRoom(): void {
    const strangers = [...this.#visitors].filter(visitor => visitor.isStranger)
    if (strangers.length < STRANGERS) return
    const leaving = strangers.find(visitor => visitor.isRefused) ?? strangers[0]
    if (leaving === undefined) return
    this.#visitors.delete(leaving)
    leaving.terminate()
  }

  /**
   * Closes all sockets, and resolves when they are closed: a server does not end before. Viewers are told why and get a
   * moment to answer; the others are not waited for.
   */
  async close(reason: string): Promise<void> {
    this.#isClosed = true
    const visitors = [...this.#visitors]
    this.#sayGoodbye(reason)
    const closed = Promise.all(visitors.map(visitor => visitor.closed))
    const timer = setTimeout(() => {
      for (const visitor of this.#visitors) visitor.terminate()
    }, GOODBYE_MS)
    await closed
    clearTimeout(timer)
  }

  #sayGoodbye(reason: string): void {
    this.#context.feed.close(reason)
    for (const visitor of this.#visitors) if (visitor.isStranger) visitor.terminate()
  }

  #everySecond(): void {
    if (!this.#isServing()) return this.#sayGoodbye('the server is closing')
    if (++this.#seconds % PING_SECONDS === 0)
      for (const visitor of this.#visitors) if (!visitor.isStranger) visitor.ping()
  }
}

function offersProtocol(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some(protocol => protocol.trim() === SUBPROTOCOL)
}
