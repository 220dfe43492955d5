import { createServer, Socket, type Server } from 'node:net'
import { FaultPipe, type Flow } from './fault-pipe.ts'

/** What a connection suffers. What is left out stays as it was. */
export interface Fault {
  /** Added in each direction. Exact to some 0.1 ms; costs a busy loop for the last 2 ms of each wait. */
  delayMs?: number
  toServer?: Flow
  toClient?: Flow
}

/** Nothing passes any more and nothing will: what a cut cable does to both ends. */
export const BLACK_HOLE = { toServer: 'swallow', toClient: 'swallow' } as const satisfies Fault
export const HEALTHY = { toServer: 'pass', toClient: 'pass', delayMs: 0 } as const satisfies Fault

/** What happens when the awaited bytes come by: they are lost with a reset or in a black hole, or you are called and they go on. */
export type StrikeAction = 'reset' | 'black hole' | ((connection: ProxiedConnection) => void)

export interface Strike {
  readonly struck: boolean
  /** Resolves when the bytes have come by, to the connection on which they did. */
  readonly hit: Promise<ProxiedConnection>
  cancel(): void
}

export interface ProxiedConnection {
  /** Of the server's process behind it, once the server has told it to the client. */
  readonly backendPid: number | undefined
  set(fault: Fault): void
  /** Ends both sides, or one, with a RST. */
  reset(side?: 'client' | 'server'): void
}

export interface FaultProxy extends AsyncDisposable {
  /** The target's, with the proxy's address. */
  readonly url: string
  readonly port: number
  /** Those whose client has not hung up. */
  readonly connections: readonly ProxiedConnection[]
  /** How many clients have connected since the start. */
  readonly accepted: number
  /** The one in front of this backend; throws when there is none. */
  of(backendPid: number | undefined): ProxiedConnection
  /** For all connections, those that are yet to come too; or for those alone. */
  set(fault: Fault, whom?: 'all' | 'new'): void
  /** Closes the door: a connect is ECONNREFUSED until `accept`. Connections that are open stay. */
  refuse(): Promise<void>
  accept(): Promise<void>
  /** Ends all connections with a RST. */
  reset(): void
  /** Acts once, on the first connection where these bytes come by, even in pieces. Of the client by default. */
  once(pattern: string, action: StrikeAction, options?: { from?: 'client' | 'server' }): Strike
  stop(): Promise<void>
}

/** Starts a TCP proxy in this process, on a free loopback port, in front of the PostgreSQL of an URL. All passes until told otherwise. */
export async function startFaultProxy(targetUrl: string): Promise<FaultProxy> {
  const target = new URL(targetUrl)
  const url = new URL(targetUrl)
  const pairs = new Set<Pair>()
  const waiting = new Set<(pair: Pair) => void>()
  let newcomers: Fault = {}
  let accepted = 0
  const server = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    accepted++
    const pair = new Pair(client, target, newcomers)
    pairs.add(pair)
    pair.over = () => void pairs.delete(pair)
    for (const watch of waiting) watch(pair)
  })
  await listen(server, 0)
  const { port } = server.address() as { port: number }
  url.hostname = '127.0.0.1'
  url.port = String(port)
  const stop = async () => {
    for (const pair of pairs) pair.reset()
    await new Promise<void>(resolve => (server.listening ? server.close(() => resolve()) : resolve()))
  }
  return {
    url: url.href,
    port,
    get connections() {
      return [...pairs].filter(pair => pair.clientOpen)
    },
    get accepted() {
      return accepted
    },
    of(backendPid) {
      const found = [...pairs].find(pair => backendPid !== undefined && pair.backendPid === backendPid)
      if (!found) throw new Error(`The proxy has no connection to backend ${backendPid}.`)
      return found
    },
    set(fault, whom = 'all') {
      newcomers = { ...newcomers, ...fault }
      if (whom === 'all') for (const pair of pairs) pair.set(fault)
    },
    refuse: () => new Promise<void>(resolve => stopListening(server, resolve)),
    accept: async () => void (server.listening || (await listen(server, port))),
    reset() {
      for (const pair of pairs) pair.reset()
    },
    once(pattern, action, { from = 'client' } = {}) {
      let struck = false
      let tell: (connection: ProxiedConnection) => void = () => {}
      const hit = new Promise<ProxiedConnection>(resolve => (tell = resolve))
      const takeBack = new Set<() => void>()
      const cancel = () => {
        waiting.delete(watch)
        for (const take of takeBack) take()
      }
      const watch = (pair: Pair) => {
        const pipe = from === 'client' ? pair.toServer : pair.toClient
        const found = () => {
          struck = true
          cancel()
          tell(pair)
          return pair.suffer(action)
        }
        const watcher = { pattern: Buffer.from(pattern), found }
        pipe.watchers.add(watcher)
        takeBack.add(() => void pipe.watchers.delete(watcher))
      }
      waiting.add(watch)
      for (const pair of pairs) watch(pair)
      return {
        get struck() {
          return struck
        },
        hit,
        cancel,
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

class Pair implements ProxiedConnection {
  readonly toServer: FaultPipe
  readonly toClient: FaultPipe
  backendPid: number | undefined
  clientOpen = true
  over: () => void = () => {}
  readonly #client: Socket
  readonly #server: Socket
  #greeting: Buffer | undefined = Buffer.alloc(0)

  constructor(client: Socket, target: URL, fault: Fault) {
    this.#client = client
    this.#server = new Socket({ allowHalfOpen: true })
    this.toServer = new FaultPipe(client, () => (this.#server.pending ? undefined : this.#server))
    this.toClient = new FaultPipe(this.#server, () => client)
    this.#server.on('connect', () => this.toServer.drain())
    this.#server.on('data', (chunk: Buffer) => this.#greet(chunk))
    client.once('end', () => (this.clientOpen = false))
    // Whoever's server is gone, or was never there, hears it as a RST too.
    this.#server.on('error', () => this.#server.pending && client.resetAndDestroy())
    client.on('error', () => {})
    for (const socket of [client, this.#server]) socket.once('close', () => this.#closed())
    this.set(fault)
    // In a black hole not even the connect arrives: no backend is made for a client that will never hear of it.
    if (fault.toServer !== 'swallow') {
      this.#server.connect({ host: target.hostname, port: Number(target.port || 5432), noDelay: true })
    }
  }

  set({ delayMs, toServer, toClient }: Fault): void {
    if (delayMs !== undefined) this.toServer.delayMs = this.toClient.delayMs = delayMs
    if (toServer) this.toServer.flow = toServer
    if (toClient) this.toClient.flow = toClient
  }

  reset(side?: 'client' | 'server'): void {
    if (side !== 'server') this.#client.resetAndDestroy()
    // One that is still connecting would wait for that first.
    if (side !== 'client') this.#server.pending ? this.#server.destroy() : this.#server.resetAndDestroy()
  }

  suffer(action: StrikeAction): 'lose' | 'forward' {
    if (typeof action === 'function') {
      action(this)
      return 'forward'
    }
    if (action === 'reset') {
      // Whole in the next turn: what came before the awaited bytes is written first.
      this.set(BLACK_HOLE)
      setImmediate(() => this.reset())
    } else this.set(BLACK_HOLE)
    return 'lose'
  }

  /** The server's BackendKeyData names its process. */
  #greet(chunk: Buffer): void {
    if (!this.#greeting) return
    this.#greeting = Buffer.concat([this.#greeting, chunk])
    const at = this.#greeting.indexOf('K\0\0\0\f')
    if (at >= 0 && this.#greeting.length >= at + 9) this.backendPid = this.#greeting.readInt32BE(at + 5)
    if (this.backendPid !== undefined || this.#greeting.length > 16_384) this.#greeting = undefined
  }

  #closed(): void {
    if (this.#client.destroyed) this.clientOpen = false
    if (this.#client.destroyed && this.#server.destroyed) this.over()
  }
}

/** Stops listening at once; the callback of `close` waits for the connections too, so it is not waited for. */
function stopListening(server: Server, stopped: () => void): void {
  if (server.listening) server.close()
  setImmediate(stopped)
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}
