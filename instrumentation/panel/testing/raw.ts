import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  /** 0 if the socket was closed without one. */
  status: number
  headers: string
  body: string
  text: string
}

/** Sends bytes as they are and reads the reply until the other side closes, or for `waitMs`. */
export function raw(
  port: number,
  request: string | Buffer,
  waitMs = 400,
  host = '127.0.0.1',
): Promise<RawAnswer> {
  return new Promise(resolve => {
    const socket = connect(port, host)
    const chunks: Buffer[] = []
    const done = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(parse(Buffer.concat(chunks).toString('latin1')))
    }
    const timer = setTimeout(done, waitMs)
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', done)
    socket.write(typeof request === 'string' ? Buffer.from(request, 'latin1') : request)
  })
}

/** A request's text with HTTP's line ends, closing the connection after the answer. */
export function httpText(line: string, headers: readonly string[]): string {
  return `${[`${line} HTTP/1.1`, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`
}

export const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: enginelight.v1',
] as const

export function upgradeText(headers: readonly string[], path = '/__enginelight/socket'): string {
  return `${[`GET ${path} HTTP/1.1`, ...headers, ...UPGRADE].join('\r\n')}\r\n\r\n`
}

/** A masked frame, as a browser sends it, with any fault that the caller asks for. */
export function frame(
  payload: Buffer | string,
  { opcode = 1, fin = true, masked = true, reserved = 0, length = -1 } = {},
): Buffer {
  const body = Buffer.from(payload)
  const size = length < 0 ? body.length : length
  const first = (fin ? 0x80 : 0) | reserved | opcode
  const mask = masked ? 0x80 : 0
  const head =
    size < 126
      ? Buffer.from([first, mask | size])
      : size < 65_536
        ? Buffer.from([first, mask | 126, size >> 8, size & 0xff])
        : Buffer.concat([Buffer.from([first, mask | 127, 0, 0, 0, 0]), uint32(size)])
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat(masked ? [head, Buffer.alloc(4), body] : [head, body])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function closedOf(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.once('close', () => resolve()))
}

function parse(text: string): RawAnswer {
  const [headers = '', ...body] = text.split('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1] ?? 0)
  return { status, headers, body: body.join('\r\n\r\n'), text }
}
