import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import express from 'express'
import { sessions as expressSessions } from '../adapters/express.ts'
import { sessions as nodeSessions } from '../adapters/node.ts'
import type { Engines } from '../engine-set/engines.ts'
import type { Db, Definitions } from '../containers/db.ts'
import { onSocket } from './clients.ts'

export type Handler<D extends Definitions> = (
  request: IncomingMessage & { db: Db<D> },
  response: ServerResponse,
) => unknown

export const MOUNTS = ['express', 'node:http'] as const

/** A handler behind one of the mounts, on a real socket. Its errors go to `errors`. Call `stop` when the test is over. */
export async function serve<D extends Definitions>(
  mount: (typeof MOUNTS)[number],
  engines: Engines<D>,
  handler: Handler<D>,
) {
  const errors: unknown[] = []
  const server = createServer()
  if (mount === 'express') {
    const app = express()
    app.use(expressSessions(engines))
    app.use(handler as never)
    app.use((error: unknown, _request: unknown, response: express.Response, _next: unknown) => {
      errors.push(error)
      if (response.headersSent) response.end()
      else response.status(500).end('failed')
    })
    server.on('request', app)
  } else {
    server.on(
      'request',
      nodeSessions(engines, handler as never, { onError: error => void errors.push(error) }),
    )
  }
  const { url, port } = await onSocket(server)
  return {
    errors,
    port,
    url,
    /** A client that can hang up. */
    ask(path = '/') {
      const asked = request({ port, host: '127.0.0.1', path, agent: false })
      // It hangs up itself.
      asked.on('error', () => {})
      asked.end()
      const answered = once(asked, 'response').then(([response]) => response as IncomingMessage)
      answered.catch(() => {})
      return {
        answered,
        hangUp: () => void (asked.socket as Socket | null)?.destroy(),
      }
    },
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => void server.close(resolve))
    },
  }
}
