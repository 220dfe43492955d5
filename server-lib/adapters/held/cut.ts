import type { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { isHttp1 } from './response-before.ts'

/** Ends the connection of a response, so that the client does not take for complete what it has got. */
export function cut(response: ServerResponse): void {
  if (!isHttp1(response)) {
    // Only a stream that ends with an error tells the client of HTTP/2 that it is not complete.
    const { stream } = response as unknown as { stream: ServerHttp2Stream }
    return stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }
  const { socket } = response
  // Without chunks or a length a body ends where its connection does, and only a reset tells that it should not have.
  if (socket && !response.chunkedEncoding && !response.hasHeader('content-length')) {
    try {
      socket.resetAndDestroy()
    } catch {
      // TLS has no reset, and no need of it.
    }
  }
  response.destroy()
}
