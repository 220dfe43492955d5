import type { Server } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { MOUNT } from '../page/index.ts'

/** The panel's address for a browser on this machine, or null while the server has no port. */
export function urlOf(server: Server, token: string): string | null {
  const page = pageOf(server)
  return page === null ? null : `${page}#t=${token}`
}

/** The same without the token. */
export function pageOf(server: Server): string | null {
  const origin = originOf(server)
  return origin === null ? null : `${origin}${MOUNT}/`
}

/** The page's address on a port that another process has. */
export const pageAt = ({ address, port }: { address: string; port: number }): string =>
  `http://${reachableHost(address)}:${port}${MOUNT}/`

/** Where a browser on this machine reaches the server, or null while it has no port. */
export function originOf(server: Server): string | null {
  const address = server.address()
  if (address === null || typeof address === 'string') return null
  const scheme = server instanceof TlsServer ? 'https' : 'http'
  return `${scheme}://${reachableHost(address.address)}:${address.port}`
}

/** A server bound to all addresses is reached by the loopback address. */
function reachableHost(bound: string): string {
  if (bound === '0.0.0.0' || bound === '::') return '127.0.0.1'
  return bound.includes(':') ? `[${bound}]` : bound
}
