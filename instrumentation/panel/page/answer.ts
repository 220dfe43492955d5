import type { IncomingMessage, ServerResponse } from 'node:http'
import { MOUNT } from './mount-path.ts'
import { encodingFor } from './encoding.ts'
import { unpacked, type PageFiles } from './files.ts'
import { SECURITY_HEADERS } from './headers.ts'

/** Answers a request that the locks have admitted: with a file of the page, or with the reason why not. */
export function answerPage(request: IncomingMessage, response: ServerResponse, files: PageFiles): void {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return answerText(response, 405, 'The panel is only read: GET or HEAD.', { Allow: 'GET, HEAD' })
  const [path = ''] = (request.url ?? '').split(/[?#]/, 1)
  // The page names its parts by relative paths. The token, in the fragment, survives the redirect.
  if (path === MOUNT || path === '/')
    return answerText(response, 308, 'The panel.', { Location: `${MOUNT}/` })
  if (!path.startsWith(`${MOUNT}/`)) return answerText(response, 404, `The panel is at ${MOUNT}/.`)
  const name = path.slice(MOUNT.length + 1) || 'index.html'
  if (name === 'socket')
    return answerText(response, 426, 'Here is a websocket.', { Upgrade: 'websocket', Connection: 'Upgrade' })
  if (files.size === 0)
    return answerText(response, 503, "The panel's page was not built: run `npm run build` in Enginelight.")
  const file = files.get(name)
  if (!file) return answerText(response, 404, 'The panel has no such file.')
  const encoding = encodingFor(request.headers['accept-encoding'])
  const body = encoding === null ? unpacked(file) : file.packed[encoding]
  response.writeHead(200, {
    ...SECURITY_HEADERS,
    'Content-Type': file.type,
    ...(encoding === null ? {} : { 'Content-Encoding': encoding }),
    'Content-Length': body.length,
    Vary: 'Accept-Encoding',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

export function answerText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  const body = Buffer.from(`${text}\n`)
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': body.length,
    ...headers,
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
