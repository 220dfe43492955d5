import type { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { isHttp1 } from './response-before.ts'

/** Ends a response's connection, so that the client does not take a partial answer for a complete one. */
export function cut(response: ServerResponse): void {
  if (!isHttp1(response)) {
    // In HTTP/2 only a stream that ends with an error tells the client that the answer is incomplete.
    const { stream } = response as unknown as { stream: ServerHttp2Stream }
    return stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }
  const { socket } = response
  // Without chunks or a length, a body ends with its connection, and only a reset shows that it ended too early.
  if (socket && !response.chunkedEncoding && !response.hasHeader('content-length')) {
    try {
      socket.resetAndDestroy()
    } catch {
      // TLS has no reset, and needs none.
    }
  }
  response.destroy()
}
