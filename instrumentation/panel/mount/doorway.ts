import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { WebSocket, WebSocketServer } from 'ws'
import { Feed, Viewer } from '../feed/index.ts'
import { PeerLock, NameLock, TokenLock, refusal, type Locks } from '../locks/index.ts'
import type { PanelSettings } from '../options.ts'
import { PROCESSES_PATH, SOCKET_PATH, answerPage, answerText, type PageFiles } from '../page/index.ts'
import {
  CHALLENGE,
  Directory,
  openLocalDoor,
  PROOF_PATH,
  proofOf,
  proven,
  relay,
  type LocalDoor,
} from '../processes/index.ts'
import type { Finding } from '../../model/finding.ts'
import { SUBPROTOCOL, type ProcessFacts } from '../../model/protocol.ts'
import { Recorder } from '../recorder/index.ts'
import { greeting, processFacts } from './greeting.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { Visitor, type VisitorContext } from './visitor.ts'

/** The socket of a process that is named: of this one, or of another one of the project. */
const OTHER_PROCESS = /^\/__enginelight\/socket\?process=([\w-]{1,64})$/
/** How many pages may watch one process, and one list of processes. */
const PAGES = 8
/** How many sockets may be open without a token, which bounds their memory and timers. */
const STRANGERS = 100
const PING_SECONDS = 15
const LONGEST_FRAME = 16 * 1024
/** How long a page may take to answer the goodbye. */
const GOODBYE_MS = 250

export interface DoorwaySettings extends Pick<
  PanelSettings,
  'allow' | 'allowedHosts' | 'allowedOrigins' | 'application' | 'errorMessages' | 'baseline' | 'budgets'
> {
  readonly token: string
  /** Where the processes of the project find each other, or null. */
  readonly folder: string | null
}

/** What a doorway needs that takes time to load. */
export interface DoorwayParts {
  WebSocketServer: typeof WebSocketServer
  files: PageFiles
  version: string
}

/** The server around the panel. */
export interface Surroundings {
  /** Turns false when the server stops listening, which our open sockets must not delay. */
  readonly isServing: () => boolean
  /** The application's URL, where the panel is mounted on its server. */
  readonly applicationUrl: () => string | null
  /** The address of the page, without the token. */
  readonly page: () => string | null
}

/** The panel on a server: takes the panel's own requests and upgrades, and answers or ends each of them. */
export class Doorway {
  readonly #locks: Locks
  readonly #files: PageFiles
  readonly #sockets: WebSocketServer
  readonly #feed: Feed
  /** What each of our sockets opens on. */
  readonly #rooms: Readonly<Record<string, VisitorContext>>
  readonly #facts: () => ProcessFacts
  readonly #token: string
  readonly #folder: string | null
  readonly #directory: Directory
  readonly #visitors = new Set<Visitor>()
  readonly #isServing: () => boolean
  #seconds = 0
  #isClosed = false

  constructor(
    settings: DoorwaySettings,
    recorder: Recorder,
    parts: DoorwayParts,
    { isServing, applicationUrl, page }: Surroundings,
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
    this.#feed = new Feed(recorder, who, () => this.#everySecond(), settings)
    this.#facts = () => processFacts(who, recorder, page())
    this.#token = settings.token
    this.#directory = new Directory({
      folder: settings.folder,
      token: settings.token,
      own: this.#facts,
      isMounted: () => applicationUrl() !== null,
    })
    this.#folder = settings.folder
    const token = new TokenLock(settings.token)
    this.#rooms = {
      [SOCKET_PATH]: { token, admit: socket => this.#watch(socket, recorder) },
      [PROCESSES_PATH]: { token, admit: socket => this.#listProcesses(socket) },
    }
  }

  /** What is wrong in the process now. */
  findings(): readonly Finding[] {
    return this.#feed.findings()
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    try {
      const refused = refusal(request, this.#locks)
      if (refused !== null) return answerText(response, 403, refused)
      const challenge = challengeOf(request.url)
      if (challenge !== null) return answerText(response, 200, proofOf(this.#token, challenge))
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
      const boot = OTHER_PROCESS.exec(request.url ?? '')?.[1]
      if (boot !== undefined && boot !== this.#facts().boot)
        return void this.#relay(request, socket, head, boot)
      const path = boot === undefined ? (request.url ?? '') : SOCKET_PATH
      this.#open(request, socket, head, this.#rooms[path])
    } catch {
      socket.destroy()
    }
  }

  /**
   * Lets the other processes of the project in, which have checked the locks. Null where that cannot be: the process's own
   * page is complete without it.
   */
  async openLocalDoor(): Promise<LocalDoor | null> {
    if (this.#folder === null) return null
    const about = () => proven(this.#facts(), this.#token)
    const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy())
      if (this.#isClosed) return refuseUpgrade(socket, 503, 'The panel is closed.')
      this.#open(request, socket, head, this.#rooms[SOCKET_PATH])
    }
    return openLocalDoor(this.#folder, { about, upgrade }).catch(() => null)
  }

  async #relay(request: IncomingMessage, socket: Duplex, head: Buffer, boot: string): Promise<void> {
    const door = await this.#directory.doorOf(boot)
    if (door === undefined) return refuseUpgrade(socket, 404, 'The panel knows no such process.')
    relay(request, socket, head, door)
  }

  #open(request: IncomingMessage, socket: Duplex, head: Buffer, room: VisitorContext | undefined): void {
    if (room === undefined) return refuseUpgrade(socket, 404, 'The panel has no such socket.')
    if (!offersProtocol(request)) return refuseUpgrade(socket, 400, `The panel speaks ${SUBPROTOCOL}.`)
    this.#makeRoom()
    this.#sockets.handleUpgrade(request, socket, head, opened => {
      // A watching page does not keep the process alive.
      ;(socket as Socket).unref?.()
      const visitor = new Visitor(opened, room)
      this.#visitors.add(visitor)
      opened.on('close', () => this.#visitors.delete(visitor))
    })
  }

  #watch(socket: WebSocket, recorder: Recorder): ReturnType<VisitorContext['admit']> {
    if (this.#feed.size >= PAGES) return { full: `${PAGES} pages look on already` }
    const viewer = new Viewer(socket, recorder)
    this.#feed.add(viewer)
    return { receive: message => this.#feed.receive(viewer, message), leave: () => this.#feed.remove(viewer) }
  }

  #listProcesses(socket: WebSocket): ReturnType<VisitorContext['admit']> {
    if (this.#directory.size >= PAGES) return { full: `${PAGES} pages look on already` }
    const reader = { send: (text: string) => socket.send(text) }
    void this.#directory.add(reader)
    return { receive: () => {}, leave: () => this.#directory.remove(reader) }
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
    this.#feed.close(reason)
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

/** What another process of the project wants to have answered, to know that this is a panel of it; or null. */
function challengeOf(url: string | undefined): string | null {
  const [path, challenge = ''] = (url ?? '').split('?', 2)
  return path === PROOF_PATH && CHALLENGE.test(challenge) ? challenge : null
}
