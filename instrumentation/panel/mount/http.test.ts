import { networkInterfaces } from 'node:os'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, expect, test, vi } from 'vitest'
import { application, attachedPanel, ownPanel, portOf, type OpenPanel } from '../testing/panels.ts'
import { httpText, raw } from '../testing/raw.ts'

/** Stands in for the built page, which these tests do not wait for. */
vi.mock('../page/files.ts', async original => {
  const files = await original<typeof import('../page/files.ts')>()
  return { ...files, readPageFiles: () => files.readPageFiles(() => page) }
})
const packed = (text: string) => ({
  br: brotliCompressSync(text).toString('base64'),
  gzip: gzipSync(text).toString('base64'),
})
const page = {
  'index.html': packed('<!doctype html><script type="module" src="./assets/index.js"></script>'),
  'assets/index.js': packed('document.title = "panel"'),
  'assets/index.js.map': packed('{}'),
  'secret.txt': packed('secret'),
}

const uncaught: unknown[] = []
process.on('uncaughtException', onUncaught)
function onUncaught(error: unknown): void {
  uncaught.push(error)
}
afterAll(() => {
  process.off('uncaughtException', onUncaught)
  expect(uncaught).toEqual([])
})

const host = (panel: OpenPanel) => `Host: 127.0.0.1:${panel.port}`

test('the page and its parts are served with every header that keeps others away', async () => {
  const panel = await ownPanel()
  const page = await raw(panel.port, httpText('GET /__enginelight/', [host(panel)]))
  expect([page.status, page.body]).toEqual([200, expect.stringContaining('./assets/index.js')])
  const script = await raw(panel.port, httpText('GET /__enginelight/assets/index.js', [host(panel)]))
  expect([script.status, script.body]).toEqual([200, 'document.title = "panel"'])
  expect(script.headers).toContain('Content-Type: text/javascript; charset=utf-8')
  const answers = [
    page,
    script,
    await raw(panel.port, httpText('GET /__enginelight', [host(panel)])),
    await raw(panel.port, httpText('GET /__enginelight/none', [host(panel)])),
    await raw(panel.port, httpText('GET /__enginelight/socket', [host(panel)])),
    await raw(panel.port, httpText('POST /__enginelight/', [host(panel)])),
    await raw(panel.port, httpText('GET /__enginelight/', ['Host: evil.example'])),
    await raw(panel.port, httpText('GET /', [host(panel)])),
  ]
  expect(answers.map(answer => answer.status)).toEqual([200, 200, 308, 404, 426, 405, 403, 308])
  for (const { headers } of answers) {
    for (const header of [
      "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
      'X-Content-Type-Options: nosniff',
      'Referrer-Policy: no-referrer',
      'Cross-Origin-Resource-Policy: same-origin',
      'Cross-Origin-Opener-Policy: same-origin',
      'X-Frame-Options: DENY',
      'Cache-Control: no-store',
    ])
      expect(headers).toContain(header)
    expect(headers).not.toMatch(/access-control|set-cookie|x-powered-by|^server:/im)
  }
})

test('a part of the page comes packed as its reader prefers, and says so', async () => {
  const panel = await ownPanel()
  const asked = async (...accepted: string[]) => {
    const headers = [host(panel), ...accepted.map(one => `Accept-Encoding: ${one}`)]
    const answer = await raw(panel.port, httpText('GET /__enginelight/assets/index.js', headers))
    expect(answer.headers).toContain('Vary: Accept-Encoding')
    const body = Buffer.from(answer.body, 'latin1')
    expect(answer.headers).toContain(`Content-Length: ${body.length}`)
    return { encoding: /^Content-Encoding: (.*)$/m.exec(answer.headers)?.[1]?.trim(), body }
  }
  const text = 'document.title = "panel"'
  for (const accepted of [
    'gzip, deflate, br, zstd',
    'br',
    'BR',
    '*',
    'br;q=0.5, gzip;q=0.5, identity;q=0.1',
  ]) {
    const { encoding, body } = await asked(accepted)
    expect([accepted, encoding, brotliDecompressSync(body).toString()]).toEqual([accepted, 'br', text])
  }
  for (const accepted of ['gzip', 'br;q=0, gzip', 'br;q=0.5, gzip;q=0.8', '*;q=0.3, br;q=0']) {
    const { encoding, body } = await asked(accepted)
    expect([accepted, encoding, gunzipSync(body).toString()]).toEqual([accepted, 'gzip', text])
  }
  for (const accepted of [
    '',
    'identity',
    'deflate',
    'br;q=0',
    '*;q=0',
    'br;q=',
    'identity, br;q=0.5',
    ';;,,;q=1',
  ]) {
    const { encoding, body } = await asked(accepted)
    expect([accepted, encoding, body.toString()]).toEqual([accepted, undefined, text])
  }
  expect((await asked()).encoding).toBeUndefined()
})

test('no method but GET and HEAD is answered, no preflight either', async () => {
  const panel = await ownPanel()
  const own = [host(panel), `Origin: ${panel.origin}`]
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    const { status, headers } = await raw(panel.port, httpText(`${method} /__enginelight/`, own))
    expect([method, status]).toEqual([method, 405])
    expect(headers).not.toMatch(/access-control/i)
  }
  const body = ['Content-Type: text/plain', 'Content-Length: 2']
  const { status } = await raw(panel.port, `${httpText('POST /__enginelight/socket', [...own, ...body])}{}`)
  expect(status).toBe(405)
  const head = await raw(panel.port, httpText('HEAD /__enginelight/', [host(panel)]))
  expect([head.status, head.body]).toEqual([200, ''])
})

test('another page gets nothing: each Origin but ours is refused, on every path', async () => {
  const panel = await ownPanel()
  for (const origin of [
    'http://evil',
    'null',
    'file://',
    'http://localhost.evil',
    `http://127.0.0.1.nip.io:${panel.port}`,
    `http://localhost:${panel.port}`,
    `https://127.0.0.1:${panel.port}`,
    `http://127.0.0.1:${panel.port}/`,
    `http://127.0.0.1:${panel.port}.`,
    `HTTP://127.0.0.1:${panel.port}`,
    '',
  ]) {
    const { status } = await raw(
      panel.port,
      httpText('GET /__enginelight/', [host(panel), `Origin: ${origin}`]),
    )
    expect([origin, status]).toEqual([origin, 403])
  }
  const two = [host(panel), `Origin: ${panel.origin}`, 'Origin: http://evil']
  expect((await raw(panel.port, httpText('GET /__enginelight/', two))).status).toBe(403)
})

test('a name that is not ours gets nothing, on every path, though its Origin agrees with it', async () => {
  const panel = await ownPanel()
  const { port } = panel
  for (const name of [
    'evil.example',
    `evil.example:${port}`,
    '[::1',
    'a b',
    '%',
    '',
    'localhost:99999',
    'localhost',
    `http://127.0.0.1:${port}`,
    '127.0.0.1@evil',
    `127.0.0.1:${port}@evil`,
    `2130706433:${port}`,
    `0x7f.1:${port}`,
    `LOCALHOST.:${port}`,
    `localhost.:${port}`,
    `localhost.evil:${port}`,
    `127.attacker.example:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `127.0.0.1\t:${port}`,
  ])
    for (const path of [
      '/__enginelight/',
      '/__enginelight/assets/index.js',
      '/__enginelight/none',
      '/',
      '/x',
    ]) {
      const request = httpText(`GET ${path}`, [`Host: ${name}`, `Origin: http://${name}`])
      const { status } = await raw(port, request)
      expect([name, path, status]).toEqual([name, path, status === 400 ? 400 : 403])
    }
  for (const headers of [[], [host(panel), 'Host: evil.example'], ['Host: evil.example', host(panel)]]) {
    const { status } = await raw(port, httpText('GET /__enginelight/', headers))
    expect(status).toBeOneOf([400, 403])
  }
  for (const url of [
    'http://evil/__enginelight/',
    `http://127.0.0.1:${port}/__enginelight/`,
    '*',
    '//evil/__enginelight/',
  ])
    expect((await raw(port, httpText(`GET ${url}`, [host(panel)]))).status).toBeOneOf([400, 404])
  expect((await raw(port, httpText('GET /__enginelight/', [`Host: localhost:${port}`]))).status).toBe(200)
})

test('only files of the page are served, however their names are written', async () => {
  const panel = await ownPanel()
  for (const path of [
    '/__enginelight/../../etc/passwd',
    '/__enginelight/..%2f..%2fetc/passwd',
    '/__enginelight/%2e%2e/%2e%2e/etc/passwd',
    '/__enginelight/..%5c..%5cx',
    '/__enginelight/..\\..\\x',
    '/__enginelight//etc/passwd',
    '/__enginelight/index.html%00',
    '/__enginelight/assets/../index.html',
    '/__enginelight/./index.html',
    '/__enginelight/index.html/',
    '/__enginelight/INDEX.HTML',
    '/__enginelight/index.html::$DATA',
    '/__enginelight/assets/index.js.map',
    '/__enginelight/assets',
    '/__enginelight/secret.txt',
    '/__enginelight/passwd.js',
    '/__enginelight/__proto__',
    '/__enginelight/constructor',
    '/__enginelightx',
    '//__enginelight/',
    '/..%2f__enginelight/',
    '/%5f_enginelight/',
  ]) {
    const { status, body } = await raw(panel.port, httpText(`GET ${path}`, [host(panel)]))
    expect([path, status]).toEqual([path, 404])
    expect(body).not.toMatch(/root:|secret/)
  }
  for (const path of ['/__enginelight/?raw', '/__enginelight/?token=x', '/__enginelight/index.html#x'])
    expect((await raw(panel.port, httpText(`GET ${path}`, [host(panel)]))).status).toBe(200)
})

test('what a proxy says of a peer makes it no peer of ours', async () => {
  const server = await application((_request, response) => response.end('app'), '0.0.0.0')
  const panel = await attachedPanel(server, { allow: [] })
  const port = portOf(server)
  const outside = outsideAddress()
  if (outside === null) return
  const forged = ['X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1', 'X-Real-IP: 127.0.0.1']
  const answer = await raw(port, httpText('GET /__enginelight/', [host(panel), ...forged]), 400, outside)
  expect(answer.status).toBe(403)
  expect(answer.text).not.toContain('panel"')
  const app = await raw(port, httpText('GET /', ['Host: x']), 400, outside)
  expect(app.body).toContain('app')
})

test('the token stands in no answer', async () => {
  const panel = await ownPanel()
  const token = new URL(panel.url).hash.slice(3)
  for (const path of [
    '/',
    '/__enginelight',
    '/__enginelight/',
    '/__enginelight/none',
    '/__enginelight/socket',
  ])
    expect((await raw(panel.port, httpText(`GET ${path}`, [host(panel)]))).text).not.toContain(token)
})

/** An address of this machine that is not loopback, for a peer that is not local. */
function outsideAddress(): string | null {
  for (const addresses of Object.values(networkInterfaces()))
    for (const { address, family, internal } of addresses ?? [])
      if (family === 'IPv4' && !internal) return address
  return null
}
