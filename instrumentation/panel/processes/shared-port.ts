import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { connect, type Server, type Socket } from 'node:net'
import { isEqual, PROOF_PATH, proofOf } from './proof.ts'

/** How long a program on the port may take to show that it is a panel of this project. */
const ASK_MS = 500
/** All processes lose the holder of the port in the same moment. */
const SPREAD_MS = 50

/** `held`: this process answers on the port. `shared`: another one of the project does. `foreign`: some other program. */
export type PortState = 'held' | 'shared' | 'foreign'

/**
 * The one port of a project. The kernel gives it to one process and frees it at that one's death, so that there is never
 * a second holder. The others keep a connection to the holder, and try to take the port when it breaks.
 */
export class SharedPort {
  readonly #server: Server
  readonly port: number
  readonly #host: string
  readonly #token: string
  #watched: Socket | null = null
  #retry: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(server: Server, { port, host, token }: { port: number; host: string; token: string }) {
    this.#server = server
    this.port = port
    this.#host = host
    this.#token = token
  }

  /** Rejects where the address cannot be had at all. */
  async take(): Promise<PortState> {
    if (await listens(this.#server, this.port, this.#host)) return 'held'
    if (!(await knowsToken(this.port, this.#host, this.#token))) return 'foreign'
    this.#watch()
    return 'shared'
  }

  close(): void {
    this.#isClosed = true
    if (this.#retry) clearTimeout(this.#retry)
    this.#watched?.destroy()
  }

  #watch(): void {
    if (this.#isClosed) return
    this.#watched = connect(this.port, this.#host)
    this.#watched.unref()
    this.#watched.on('error', () => {})
    this.#watched.on('close', () => {
      this.#retry = setTimeout(() => void this.#takeOver(), Math.random() * SPREAD_MS).unref()
    })
  }

  async #takeOver(): Promise<void> {
    if (this.#isClosed || (await listens(this.#server, this.port, this.#host))) return
    this.#watch()
  }
}

/**
 * Takes the first of the ports that is free, or that another process of the project has. Rejects, as Node does, where
 * other programs have all of them.
 */
export async function takePort(
  server: Server,
  { ports, ...at }: { ports: readonly number[]; host: string; token: string },
): Promise<SharedPort> {
  for (const port of ports) {
    const shared = new SharedPort(server, { ...at, port })
    if ((await shared.take()) !== 'foreign') return shared
  }
  const port = ports.at(-1) ?? 0
  await listen(server, port, at.host)
  return new SharedPort(server, { ...at, port })
}

/** Whether the server got the port. Rejects for any other reason than that another one has it. */
const listens = (server: Server, port: number, host: string): Promise<boolean> =>
  listen(server, port, host).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') return false
      throw error
    },
  )

/** `exclusive`: the workers of a cluster would share one port otherwise, and with it the pages. */
function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      server.off('listening', done)
      reject(error)
    }
    const done = () => {
      server.off('error', failed)
      resolve()
    }
    server.once('error', failed)
    server.once('listening', done)
    server.listen({ port, host, exclusive: true })
  })
}

function knowsToken(port: number, host: string, token: string): Promise<boolean> {
  const challenge = randomBytes(16).toString('base64url')
  const expected = proofOf(token, challenge)
  return new Promise(resolve => {
    const asked = request(
      { host, port, path: `${PROOF_PATH}?${challenge}`, agent: false, timeout: ASK_MS },
      response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
          if (text.length > 200) asked.destroy()
        })
        response.on('end', () => resolve(isEqual(text.trim(), expected)))
      },
    )
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
    asked.on('close', () => resolve(false))
    asked.end()
  })
}
