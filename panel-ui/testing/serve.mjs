// Serves the built page and replays a made-up shop to it, live: `node panel-ui/testing/serve.mjs [scene] [port]`.
// A tool for work on the page; nothing of it is in the package.
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'
import { WebSocketServer } from 'ws'

const here = fileURLToPath(new URL('.', import.meta.url))
const pages = join(here, '../../dist/panel-ui')
const load = name => runnerImport(join(here, name), { configFile: false, logLevel: 'error' })
const { module: recorded } = await load('../../instrumentation/model/testing/shop.ts')
const { module: protocol } = await load('../../instrumentation/model/protocol.ts')

const [scene = 'busy', port = '4700'] = process.argv.slice(2)
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; require-trusted-types-for 'script'"
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }

const world = recorded.shop(scene)
const boot = Math.random().toString(36).slice(2)
const startedAt = performance.now()
// The story begins with some seconds of past, so that the board is not empty at first sight.
const HEAD_START_MS = scene === 'quiet' || scene === 'empty' ? 1000 : 14_000
const now = () => performance.now() - startedAt + HEAD_START_MS
world.advance(now())

const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)).replace(
    /^\/__enginelight\//,
    '/',
  )
  const file = join(pages, path === '/' ? 'index.html' : path)
  try {
    const body = await readFile(file)
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'text/plain',
      'content-security-policy': CSP,
    })
    response.end(body)
  } catch {
    response.writeHead(404).end()
  }
})

const sockets = new WebSocketServer({ server, handleProtocols: () => protocol.SUBPROTOCOL })
sockets.on('connection', (socket, request) => {
  const say = message => socket.readyState === 1 && socket.send(JSON.stringify(message))
  if (new URL(request.url, 'http://x').pathname.endsWith('/processes')) {
    const facts = {
      boot,
      application: 'shop',
      pid: process.pid,
      thread: 0,
      worker: null,
      startedAt: Date.now(),
    }
    socket.on('message', () => say({ type: 'processes', isMounted: false, here: boot, all: [facts] }))
    return
  }
  let sent = -1
  let said = 0
  const dictionary = () => {
    const entries = world.dictionary.slice(said)
    said = world.dictionary.length
    if (entries.length > 0) say({ type: 'dict', entries })
  }
  socket.on('message', data => {
    const message = JSON.parse(data)
    if (message.type === 'auth') {
      if (message.token !== 'dev') return socket.close(protocol.CLOSE.unauthorized, 'wrong token')
      say({
        type: 'hello',
        protocol: 1,
        version: '0.1.0',
        boot,
        application: 'shop',
        pid: process.pid,
        thread: 0,
        node: process.versions.node,
        timeOrigin: Date.now() - now(),
        now: now(),
        seq: world.rows.length,
        versions: { pg: '8.23.0', knex: '3.3.0' },
        errorMessages: false,
        limits: { ringBytes: 8 << 20, requestsKept: 500, statementsPerRequest: 500 },
      })
    }
    if (message.type === 'sub') {
      dictionary()
      if (message.since?.boot === boot) sent = message.since.seq
      else {
        sent = world.rows.length
        say({ type: 'snap', seq: sent, rows: world.rows })
      }
    }
  })
  const events = setInterval(() => {
    if (sent < 0 || sent === world.rows.length) return
    dictionary()
    say({ type: 'ev', rows: world.rows.slice(sent) })
    sent = world.rows.length
  }, 50)
  let before = world.rows.length
  const stat = setInterval(() => {
    if (sent < 0) return
    say({
      type: 'stat',
      now: now(),
      engines: world.gauges(),
      eventsPerSecond: world.rows.length - before,
      dropped: { ring: 0, statements: Number(process.env.DROPPED ?? 0), page: 0 },
      ring: { bytes: 1 << 20, limit: 8 << 20 },
      viewers: sockets.clients.size,
      ownCost: 0.004,
      cpu: 0.12,
      servers: world.gauges().map(([engine]) => [engine, engine === 'logger' ? null : '18.1']),
    })
    before = world.rows.length
  }, 1000)
  socket.on('close', () => {
    clearInterval(events)
    clearInterval(stat)
  })
})

setInterval(() => world.advance(now()), 20)
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/__enginelight/#t=dev`))
