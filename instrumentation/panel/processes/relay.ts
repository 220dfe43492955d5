import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'

/** Hands a page's websocket on to the process whose door this is: from here on bytes go to and fro, unread. */
export function relay(request: IncomingMessage, socket: Duplex, head: Buffer, door: string): void {
  const there = connect(door)
  there.unref()
  there.on('error', () => socket.destroy())
  socket.on('error', () => there.destroy())
  socket.on('close', () => there.destroy())
  there.on('close', () => socket.destroy())
  there.on('connect', () => {
    const lines = [`${request.method} ${request.url} HTTP/1.1`]
    for (let index = 0; index < request.rawHeaders.length; index += 2)
      lines.push(`${request.rawHeaders[index]}: ${request.rawHeaders[index + 1]}`)
    there.write(`${lines.join('\r\n')}\r\n\r\n`)
    there.write(head)
    there.pipe(socket)
    socket.pipe(there)
  })
}
