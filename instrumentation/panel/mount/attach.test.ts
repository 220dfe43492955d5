import { createServer as createTlsServer, get as getTls } from 'node:https'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { panel } from '../index.ts'
import { Page, tokenOf } from '../testing/page.ts'
import { application, attachedPanel, portOf } from '../testing/panels.ts'
import { CERTIFICATE } from '../testing/certificate.ts'
import { httpText, raw } from '../testing/raw.ts'

const EVENTS = [
  'request',
  'upgrade',
  'checkContinue',
  'checkExpectation',
  'newListener',
  'connection',
  'close',
]
const listenersOf = (server: Server) => EVENTS.map(event => [event, server.rawListeners(event)])

const get = async (server: Server, path: string) =>
  raw(portOf(server), httpText(`GET ${path}`, [`Host: 127.0.0.1:${portOf(server)}`]))

/** Remembers which paths an application's listener saw. */
function seeing(seen: string[], answer = 'app') {
  return (request: IncomingMessage, response: ServerResponse) => {
    seen.push(request.url ?? '')
    response.end(answer)
  }
}

test('the application sees its own requests and none of ours, whenever its listeners were added', async () => {
  const seen: string[] = []
  const server = await application(seeing(seen))
  await attachedPanel(server)
  const later: string[] = []
  server.on('request', request => void later.push(request.url ?? ''))
  const first: string[] = []
  server.prependListener('request', request => void first.push(request.url ?? ''))
  const once: string[] = []
  server.once('request', request => void once.push(request.url ?? ''))
  for (const path of [
    '/__enginelight/',
    '/__enginelight/x',
    '/__enginelight',
    '/a',
    '/__enginelightx',
    '/b?c=/__enginelight/',
  ])
    await get(server, path)
  const theirs = ['/a', '/__enginelightx', '/b?c=/__enginelight/']
  expect([seen, later, first, once]).toEqual([theirs, theirs, theirs, ['/a']])
})

test('closing leaves the server as it was found', async () => {
  const server = await application(seeing([]))
  server.on('upgrade', (_request, socket: Duplex) => socket.destroy())
  server.on('checkContinue', (_request, response) => response.end())
  const before = listenersOf(server)
  const mounted = await panel({ enabled: true }).attach(server)
  expect(listenersOf(server)).not.toEqual(before)
  expect(mounted.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/__enginelight\/#t=[\w-]{22}$/)
  await mounted.close()
  await mounted.close()
  expect(listenersOf(server)).toEqual(before)
  expect(mounted.url).toBeNull()
  expect((await get(server, '/__enginelight/')).body).toContain('app')
})

test('a listener that is taken off while the panel is there is off, one that is added stays when it goes', async () => {
  const seen: string[] = []
  const listener = seeing(seen)
  const server = await application(listener)
  const mounted = await attachedPanel(server)
  expect(server.listeners('request')).toContain(listener)
  server.off('request', listener)
  const other: string[] = []
  server.on('request', seeing(other, 'other'))
  expect((await get(server, '/x')).body).toContain('other')
  await mounted.close()
  expect((await get(server, '/__enginelight/')).body).toContain('other')
  expect([seen, other]).toEqual([[], ['/x', '/__enginelight/']])
})

test('one that takes all listeners and puts its own in their place, as socket.io does, changes nothing for either', async () => {
  const seen: string[] = []
  const server = await application(seeing(seen))
  await attachedPanel(server)
  const taken = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/socket.io/')) response.end('socket.io')
    else for (const listener of taken) listener.call(server, request, response)
  })
  const answers = []
  for (const path of ['/__enginelight/none', '/socket.io/', '/a'])
    answers.push((await get(server, path)).body.trim())
  expect(answers[0]).toMatch(/no such file|not built/)
  expect(answers.slice(1).map(body => /socket\.io|app/.exec(body)?.[0])).toEqual(['socket.io', 'app'])
  expect(seen).toEqual(['/a'])
})

test('sockets of others on the same server go on, and one that destroys what it does not know spares ours', async () => {
  const server = await application(seeing([]))
  const theirs = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/hmr') socket.destroy()
    else theirs.handleUpgrade(request, socket, head, opened => opened.send('hot'))
  })
  const mounted = await attachedPanel(server)
  server.on('upgrade', (_request, socket: Duplex) => {
    if (_request.url !== '/hmr') socket.destroy()
  })
  const hmr = new WebSocket(`ws://127.0.0.1:${portOf(server)}/hmr`)
  expect(String(await new Promise(resolve => hmr.once('message', resolve)))).toBe('hot')
  const page = await Page.open(mounted.url)
  await page.until(() => page.types.includes('snap'))
  await page.close()
  hmr.terminate()
  const unknown = await raw(
    portOf(server),
    'GET /unknown HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  )
  expect(unknown.text).toBe('')
})

test('a request that offers an upgrade nobody takes is answered as before, its body and its followers too', async () => {
  const bodies: string[] = []
  const server = await application((request, response) => {
    let body = ''
    request.on('data', chunk => (body += chunk))
    request.on('end', () => {
      bodies.push(`${request.method} ${request.url} ${body} ${request.headers['x-mark'] ?? ''}`)
      response.end('app')
    })
  })
  await attachedPanel(server)
  const port = portOf(server)
  const h2c =
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nX-Mark: ä\r\n'
  const chunked = 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'
  const text = [
    `GET /one HTTP/1.1\r\nHost: x\r\n${h2c}\r\n`,
    `POST /two HTTP/1.1\r\nHost: x\r\n${h2c}Content-Length: 4\r\n\r\nbody`,
    `POST /three HTTP/1.1\r\nHost: x\r\n${h2c}${chunked}`,
    'GET /four HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  ].join('')
  const { text: answers } = await raw(port, text, 1_500)
  expect(bodies).toEqual(['GET /one  ä', 'POST /two body ä', 'POST /three body ä', 'GET /four  '])
  expect(answers.match(/HTTP\/1\.1 200 OK/g)?.length).toBe(4)

  // The body comes later than the head.
  const slow = await new Promise<string>(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`POST /late HTTP/1.1\r\nHost: x\r\n${h2c}Content-Length: 4\r\n\r\n`, 'latin1')
      setTimeout(() => socket.write('late'), 50)
    })
    socket.on('data', data => {
      socket.destroy()
      resolve(String(data))
    })
  })
  expect(slow).toMatch(/^HTTP\/1\.1 200 OK/)
  expect(bodies.at(-1)).toBe('POST /late late ä')
})

test('a request with Expect is left to the application, or taken if it is ours', async () => {
  const seen: string[] = []
  const server = await application(seeing(seen))
  server.on('checkContinue', seeing(seen, 'continue'))
  await attachedPanel(server)
  const expecting = (path: string) =>
    raw(
      portOf(server),
      httpText(`GET ${path}`, [`Host: 127.0.0.1:${portOf(server)}`, 'Expect: 100-continue']),
    )
  expect((await expecting('/a')).body).toContain('continue')
  expect((await expecting('/__enginelight/none')).status).toBeOneOf([404, 503])
  expect(seen).toEqual(['/a'])
})

test.each(['127.0.0.1', 'localhost'])(
  'a server that was just told to listen on %s has its url',
  async host => {
    const server = createServer()
    server.listen(0, host)
    const mounted = await panel({ enabled: true }).attach(server)
    expect(mounted.url).toContain(`:${portOf(server)}/__enginelight/#t=`)
    expect(server.listenerCount('listening')).toBe(createServer().listenerCount('listening'))
    await mounted.close()
    await new Promise(resolve => server.close(resolve))
  },
)

test('a server that listens later has its url then', async () => {
  const server = createServer()
  const mounted = await panel({ enabled: true }).attach(server)
  expect(mounted.url).toBeNull()
  expect(server.listenerCount('listening')).toBe(createServer().listenerCount('listening'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  expect(mounted.url).toContain(`http://127.0.0.1:${portOf(server)}/__enginelight/#t=`)
  await mounted.close()
  await new Promise(resolve => server.close(resolve))
})

test('a second panel on the same server is refused until the first is closed', async () => {
  const server = await application()
  const mounted = await attachedPanel(server)
  await expect(panel({ enabled: true }).attach(server)).rejects.toMatchObject({ code: 'EL_PANEL_CONFIG' })
  await mounted.close()
  await attachedPanel(server)
})

test('a server that is closed does not wait for the pages that look on', async () => {
  const server = await application()
  const mounted = await attachedPanel(server)
  const page = await Page.open(mounted.url)
  await page.until(() => page.types.includes('snap'))
  const began = performance.now()
  await new Promise(resolve => server.close(resolve))
  expect(performance.now() - began).toBeLessThan(3_000)
  expect(page.messages.at(-1)).toMatchObject({ type: 'bye' })
  expect((await page.closed).code).toBe(1001)
})

test('our own failure ends our socket and is seen by nobody else', async () => {
  const server = await application(seeing([]))
  await attachedPanel(server)
  const broken = (socket: object) => ({
    url: '/__enginelight/socket',
    headers: {},
    socket,
    get rawHeaders(): string[] {
      throw new Error('broken')
    },
  })
  let isDestroyed = false
  const socket = { remoteAddress: '127.0.0.1', on: () => {}, destroy: () => (isDestroyed = true) }
  expect(() => server.emit('upgrade', broken(socket), socket, Buffer.alloc(0))).not.toThrow()
  expect(isDestroyed).toBe(true)
  let isEnded = false
  const response = { destroy: () => (isEnded = true) }
  expect(() => server.emit('request', broken(socket), response)).not.toThrow()
  expect(isEnded).toBe(true)
})

test('over TLS the page is https, and upgrades of others go back as they do without', async () => {
  const seen: string[] = []
  const server = createTlsServer(CERTIFICATE, seeing(seen))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const mounted = await panel({ enabled: true }).attach(server)
  try {
    expect(mounted.url).toMatch(/^https:/)
    const page = new Page(mounted.url ?? '', { rejectUnauthorized: false })
    await page.opened()
    page.send({ type: 'auth', token: tokenOf(mounted.url ?? '') })
    await page.until(() => page.hello !== undefined)
    await page.close()
    const headers = { Connection: 'Upgrade', Upgrade: 'h2c' }
    const options = {
      port: portOf(server),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      agent: false as const,
    }
    const status = (path: string) =>
      new Promise(resolve => {
        getTls({ ...options, path, headers }, response => {
          response.resume()
          resolve(response.statusCode)
        }).on('error', resolve)
      })
    expect([await status('/a'), await status('/__enginelight/x'), seen]).toEqual([200, 404, ['/a']])
  } finally {
    await mounted.close()
    server.closeAllConnections()
    server.close()
  }
})
