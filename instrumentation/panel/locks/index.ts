import type { IncomingMessage } from 'node:http'
import type { NameLock } from './origin.ts'
import { PeerLock } from './peer.ts'

/**
 * Checked before everything else: the socket's address, the name used (Host), and the page (Origin). The fourth lock,
 * the token, opens the flow of data on the socket.
 */
export interface Locks {
  peer: PeerLock
  name: NameLock
}

/** Why a request is refused, in a sentence for the developer, or null if it is not. */
export function refusal(request: IncomingMessage, locks: Locks): string | null {
  const own = {
    scheme: 'encrypted' in request.socket ? ('https' as const) : ('http' as const),
    port: request.socket.localPort ?? 0,
  }
  if (!locks.peer.admits(request.socket.remoteAddress))
    return 'The panel answers loopback addresses only, and those of `allow`.'
  const hosts = headers(request, 'host')
  const host = hosts[0]
  if (hosts.length !== 1 || host === undefined || !locks.name.admitsHost(host, own))
    return 'The panel was asked by a Host that is neither loopback with its port nor one of `allowedHosts`.'
  const origins = headers(request, 'origin')
  // A browser sends no Origin when it loads a page or its parts, and always one with a websocket. Without one it is a
  // program: on this machine the token is enough for it.
  const isNeeded = request.headers.upgrade !== undefined && !LOOPBACK.admits(request.socket.remoteAddress)
  if (origins.length > 1 || (isNeeded && origins.length === 0))
    return 'The panel opens its socket for a page with exactly one Origin.'
  if (origins.length === 1 && !locks.name.admitsOrigin(origins[0], host, own))
    return 'The panel answers its own Origin only, and those of `allowedOrigins`.'
  return null
}

const LOOPBACK = new PeerLock([])

/** All values of a header as they came: Node's own object keeps the first Host and hides the second. */
function headers(request: IncomingMessage, name: string): string[] {
  const { rawHeaders } = request
  const values: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.toLowerCase() === name) values.push(rawHeaders[index + 1] ?? '')
  return values
}

export { NameLock, isHost, isOrigin } from './origin.ts'
export { PeerLock, isRange } from './peer.ts'
export { TokenLock, newToken } from './token.ts'
