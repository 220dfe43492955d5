import { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { Server as NetServer } from 'node:net'
import { EnginelightError } from '../../../server-lib/index.ts'

const NEEDED = 'The panel is attached to a server of node:http or node:https'

/** Throws `EL_PANEL_CONFIG` if the panel cannot be mounted on it, and says what to write. */
export function checkServer(server: unknown): void {
  const sentence = whyNot(server)
  if (sentence !== undefined) throw new EnginelightError('EL_PANEL_CONFIG', sentence, { option: 'server' })
}

function whyNot(server: unknown): string | undefined {
  if (server instanceof HttpServer || server instanceof HttpsServer) return undefined
  const { listen, server: inner, constructor } = (server ?? {}) as Record<string, unknown>
  if (isServer(inner)) return `${NEEDED}; this is an application that has one: write attach(app.server).`
  if (typeof listen === 'function' && !isServer(server))
    return `${NEEDED}; this is an application: write attach(app.listen(port)), or attach(http.createServer(app)).`
  if (!isServer(server)) return `${NEEDED}, which this is not.`
  const name = typeof constructor === 'function' ? constructor.name : ''
  if (/http2/i.test(name))
    return `${NEEDED}; this is one of node:http2: give the panel a port of its own by startPanel().`
  // A server of another realm, or a class around a server, has all that is needed.
  return server instanceof NetServer && name === 'Server' && !('requestTimeout' in server)
    ? `${NEEDED}; this is one of node:net, which speaks no HTTP.`
    : undefined
}

function isServer(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['on', 'rawListeners', 'removeAllListeners', 'address'].every(
      method => typeof (value as Record<string, unknown>)[method] === 'function',
    )
  )
}
