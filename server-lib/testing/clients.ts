import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type RequestOptions, type Server } from 'node:http'
import type { Http2Server } from 'node:http2'
import { connect, type AddressInfo } from 'node:net'

/** Lets a server listen on a port of its own. */
export async function onSocket(server: Server | Http2Server): Promise<{ url: string; port: number }> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port }
}

/** The head of an answer, on a connection of its own. Not with fetch, which asks for nothing that is cached. */
export async function headOf(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const asked = httpRequest(url, { agent: false, ...options }).end()
  const [head] = (await once(asked, 'response')) as [IncomingMessage]
  return head
}

/** The answer as it comes: its head at once, then its body, whose text ends in `<cut>` where the connection was cut. */
export async function ask(url: string, options: RequestOptions = {}) {
  const head = await headOf(url, options)
  return { head, body: bodyOf(head) }
}

async function bodyOf(head: IncomingMessage): Promise<string> {
  let text = ''
  try {
    for await (const part of head) text += part
  } catch {
    return `${text}<cut>`
  }
  return text
}

/** Status and body of the answer to a POST, or `cut` where there is none that is whole. */
export const post = (url: string): Promise<string> =>
  fetch(url, { method: 'POST' }).then(
    async response => `${response.status} ${await response.text()}`,
    () => 'cut',
  )

/** Everything that the server sends on one connection for these bytes, until it closes it. */
export async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  // A client that ends its side has left, for Node.
  socket.write(text)
  let answer = ''
  socket.setEncoding('latin1').on('data', (part: string) => (answer += part))
  await once(socket, 'close')
  return answer
}
