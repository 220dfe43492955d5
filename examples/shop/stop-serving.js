import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** How often connections are closed that have become idle. */
const SWEEP_MS = 50

/**
 * Takes no new connections, lets the requests that run finish, and resolves when they have or the grace is over. A
 * client that keeps its connection alive is sent away between two requests. A server that does not listen is done.
 *
 * @param {import('node:http').Server} server
 * @param {number} graceMs
 */
export async function stopServing(server, graceMs) {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
  // Not waited for without end: a socket that was upgraded is no longer the server's to close.
  await Promise.race([closed, sleep(graceMs)])
  clearInterval(sweep)
}
