import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Gives an upgrade request back to its server as an ordinary one. Because the panel listens for upgrades, Node treats
 * all such requests as upgrades. On a server without other upgrades they were ordinary requests before (Java's client
 * and `curl --http2` ask for `h2c` with each first request), and must still be answered.
 */
export function handBack(server: EventEmitter, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  const { rawHeaders } = request
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    const value = rawHeaders[index + 1] ?? ''
    if (/^(?:upgrade|http2-settings)$/i.test(name)) continue
    if (!/^connection$/i.test(name)) lines.push(`${name}: ${value}`)
    else {
      const rest = value.split(',').filter(option => !/^\s*(?:upgrade|http2-settings)\s*$/i.test(option))
      if (rest.length > 0) lines.push(`${name}: ${rest.join(',').trim()}`)
    }
  }
  // Node decodes headers as latin1, so encoding as latin1 restores the bytes.
  const again = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  afterEarlierAnswers(socket, () => {
    socket.unshift(Buffer.concat([again, head]))
    server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
  })
}

/** A client that pipelines must get the answers to its earlier requests first: the new parser does not know of them. */
function afterEarlierAnswers(
  socket: Duplex & { _httpMessage?: ServerResponse | null },
  then: () => void,
): void {
  if (socket.destroyed) return
  const answer = socket._httpMessage
  if (!answer) return then()
  answer.once('close', () => afterEarlierAnswers(socket, then))
}
