import { ServerResponse } from 'node:http'
import type { Call } from './held-calls.ts'

/** Makes Node throw for a wrong head when it is written, and not when it is sent. */
export function refuseWrongHead(response: ServerResponse, args: unknown[]): void {
  if (args.length === 1 && isStatus(args[0])) return
  const trial = new ServerResponse(response.req)
  for (const name of response.getHeaderNames()) trial.setHeader(name, response.getHeader(name) as string)
  trial.writeHead(...(args as [number]))
}

/**
 * The same for a part of the body. For an unknown encoding Node drops the connection, which would happen here after the
 * commit.
 */
export function refuseWrongPart(response: ServerResponse, { method, args }: Call): void {
  const [chunk, encoding] = args
  if (method === 'flushHeaders') return
  if (method === 'end' && (chunk === undefined || chunk === null || typeof chunk === 'function')) return
  if (typeof chunk === 'string') {
    if (typeof encoding === 'string' && !Buffer.isEncoding(encoding))
      Buffer.from(chunk, encoding as BufferEncoding)
  } else if (!(chunk instanceof Uint8Array)) {
    new ServerResponse(response.req).write(...(args as [string]))
  }
}

function isStatus(status: unknown): boolean {
  return Number.isInteger(status) && (status as number) >= 100 && (status as number) <= 999
}
