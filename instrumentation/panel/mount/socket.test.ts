import { connect } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { CLOSE, SUBPROTOCOL } from '../../model/protocol.ts'
import { Speaker } from '../testing/messages.ts'
import { Page, tokenOf } from '../testing/page.ts'
import { ownPanel, type OpenPanel } from '../testing/panels.ts'
import { closedOf, frame, raw, upgradeText } from '../testing/raw.ts'

const uncaught: unknown[] = []
const onUncaught = (error: unknown) => void uncaught.push(error)
process.on('uncaughtException', onUncaught)
afterAll(() => {
  process.off('uncaughtException', onUncaught)
  expect(uncaught).toEqual([])
})

const own = (panel: OpenPanel) => [`Host: 127.0.0.1:${panel.port}`, `Origin: ${panel.origin}`]

/** Expects the panel to admit a page with the token. */
async function expectAlive(panel: OpenPanel): Promise<void> {
  const page = await Page.open(panel.url)
  await page.until(() => page.types.includes('snap'))
  await page.close()
}

test('a program on this machine sends no Origin, and is told nothing before it has shown the token', async () => {
  const panel = await ownPanel()
  const page = new Page(panel.url, { origin: undefined })
  await page.opened()
  page.send({ type: 'auth', token: 'wrong-'.repeat(4) })
  expect((await page.closed).code).toBe(4401)
  expect(page.types).toEqual([])
  const right = new Page(panel.url, { origin: undefined })
  await right.opened()
  right.send({ type: 'auth', token: tokenOf(panel.url) })
  await right.until(() => right.hello !== undefined)
  await right.close()
})

test('a page of another origin opens no socket and is sent no frame', async () => {
  const panel = await ownPanel()
  const { port } = panel
  const host = `Host: 127.0.0.1:${port}`
  for (const origins of [
    ['Origin: http://evil'],
    ['Origin: null'],
    ['Origin: file://'],
    ['Origin: http://localhost.evil'],
    [`Origin: http://127.0.0.1.nip.io:${port}`],
    [`Origin: http://localhost:${port}`],
    [`Origin: http://127.0.0.1:${port + 1}`],
    [`Origin: https://127.0.0.1:${port}`],
    [`Origin: HTTP://127.0.0.1:${port}`],
    [`Origin: http://127.0.0.1.:${port}`],
    [`Origin: http://127.0.0.1:${port}`, 'Origin: http://evil'],
    ['Origin: http://evil', `Origin: http://127.0.0.1:${port}`],
  ]) {
    const answer = await raw(port, upgradeText([host, ...origins]))
    expect([origins, answer.status]).toEqual([origins, 403])
    expect(answer.headers).toContain('Connection: close')
  }
  for (const name of [
    'evil.example',
    `evil.example:${port}`,
    `localhost.:${port}`,
    '[::1',
    'a b',
    '',
    `0x7f.1:${port}`,
  ]) {
    const { status } = await raw(port, upgradeText([`Host: ${name}`, `Origin: http://${name}`]))
    expect([name, status === 400 ? 403 : status]).toEqual([name, 403])
  }
  expect((await raw(port, upgradeText(own(panel), '/__enginelight/other'))).status).toBe(404)
  expect((await raw(port, upgradeText(own(panel), '/__enginelight/socket?token=x'))).status).toBe(404)
  expect((await raw(port, upgradeText(own(panel)).replace('enginelight.v1', 'other'))).status).toBe(400)
  expect((await raw(port, upgradeText(own(panel)).replace('Version: 13', 'Version: 7'))).status).toBe(400)
  expect((await raw(port, upgradeText(own(panel)))).status).toBe(101)
  await expectAlive(panel)
})

test('before a good token nothing is said, not even a version', async () => {
  const panel = await ownPanel()
  const token = tokenOf(panel.url)
  const firsts = [
    { type: 'auth', token: token.slice(1) },
    { type: 'auth', token: `${token}x` },
    { type: 'auth' },
    { type: 'auth', token: [token] },
    { type: 'sub', since: null },
  ]
  await Promise.all(
    firsts.map(async first => {
      const page = new Page(panel.url)
      await page.opened()
      page.socket.send(JSON.stringify(first))
      expect([first, await page.closed]).toMatchObject([first, { code: CLOSE.unauthorized }])
      expect(page.messages).toEqual([])
    }),
  )
})

test('a wrong token costs its own socket a second, and no other one anything', async () => {
  const panel = await ownPanel({ token: 'a-token-of-my-own' })
  expect(tokenOf(panel.url)).toBe('a-token-of-my-own')
  const began = performance.now()
  const stale = Array.from({ length: 30 }, async () => {
    const page = new Page(panel.url)
    await page.opened()
    page.send({ type: 'auth', token: 'ünïcode-token-number' })
    // Too late: each socket has one try.
    page.send({ type: 'auth', token: 'a-token-of-my-own' })
    return { page, closed: await page.closed, after: performance.now() - began }
  })
  await expectAlive(panel)
  expect(performance.now() - began).toBeLessThan(1_000)
  for (const { page, closed, after } of await Promise.all(stale)) {
    expect(closed.code).toBe(CLOSE.unauthorized)
    expect(page.messages).toEqual([])
    expect(after).toBeGreaterThan(900)
  }
  await expectAlive(panel)
})

test('a socket that shows no token is closed after two seconds, and may come again', async () => {
  const panel = await ownPanel()
  const page = new Page(panel.url)
  await page.opened()
  const opened = performance.now()
  expect((await page.closed).code).toBe(CLOSE.noToken)
  expect(performance.now() - opened).toBeGreaterThan(1_800)
  expect(performance.now() - opened).toBeLessThan(3_500)
})

test('of 150 sockets without the token 100 stay, those with a wrong one leave first, and a page with the token comes in', async () => {
  const panel = await ownPanel()
  const statuses: number[] = []
  const open = new Set<number>()
  const stranger = (index: number, first?: string) =>
    new Promise<ReturnType<typeof connect>>(resolve => {
      const socket = connect(panel.port, '127.0.0.1', () => socket.write(upgradeText(own(panel))))
      open.add(index)
      // Reads, but never answers a closing frame.
      socket.on('data', data => {
        const status = /^HTTP\/1\.1 (\d+)/.exec(String(data))?.[1]
        if (!status) return
        statuses.push(Number(status))
        if (first) socket.write(frame(first))
        resolve(socket)
      })
      socket.on('error', () => {})
      socket.on('close', () => open.delete(index))
    })
  const wrong = JSON.stringify({ type: 'auth', token: 'a-wrong-one' })
  const sockets = []
  for (let index = 0; index < 100; index++)
    sockets.push(await stranger(index, index >= 50 ? wrong : undefined))
  await new Promise(resolve => setTimeout(resolve, 50))
  for (let index = 100; index < 150; index++) sockets.push(await stranger(index))
  await expectAlive(panel)
  // Closed were the 50 with a wrong token, and the oldest one, to make room for the page.
  expect([...open]).toEqual(
    Array.from({ length: 150 }, (_, index) => index).filter(i => (i > 0 && i < 50) || i >= 100),
  )
  expect(new Set(statuses)).toEqual(new Set([101]))
  await Promise.all(sockets.filter(socket => !socket.closed).map(closedOf))
  await expectAlive(panel)
})

test('eight pages look on; the ninth is told so and when to come again', async () => {
  const panel = await ownPanel()
  const pages = await Promise.all(Array.from({ length: 8 }, () => Page.open(panel.url)))
  const ninth = new Page(panel.url)
  await ninth.opened()
  ninth.send({ type: 'auth', token: tokenOf(panel.url) })
  expect((await ninth.closed).code).toBe(CLOSE.tooManyViewers)
  expect(ninth.messages).toEqual([{ type: 'bye', reason: expect.any(String), retryAfterMs: 5_000 }])
  await Promise.all(pages.map(page => page.close()))
  await expectAlive(panel)
})

test.each([
  ['not JSON', '{', 1007],
  ['an array', '[]', 1007],
  ['a number', '1e308', 1007],
  ['null', 'null', 1007],
  ['no type', '{}', 1007],
  ['a type that is inherited', '{"__proto__":{"type":"sub","since":null}}', 1007],
  ['a type that is an object', '{"type":{"toString":"auth"}}', 1007],
  ['a subscription to nothing', '{"type":"sub"}', 1007],
  ['a subscription with an array', '{"type":"sub","since":[]}', 1007],
  ['a sequence number past all numbers', '{"type":"sub","since":{"boot":"x","seq":1e308}}', 1007],
  ['a negative one', '{"type":"ack","seq":-1}', 1007],
  ['half of one', '{"type":"ack","seq":0.5}', 1007],
  ['a word for a boolean', '{"type":"vis","visible":"yes"}', 1007],
  ['8000 nested arrays', '['.repeat(8_000) + ']'.repeat(8_000), 1007],
  ['8000 opened arrays', '['.repeat(8_000), 1007],
])('%s closes the socket', async (_name, text, code) => {
  const panel = await ownPanel()
  const page = await Page.enter(panel.url)
  page.socket.send(text)
  expect((await page.closed).code).toBe(code)
  expect(({} as { type?: unknown }).type).toBeUndefined()
})

test('messages of a later version, and fields that we do not know, are passed over', async () => {
  const panel = await ownPanel()
  const page = await Page.enter(panel.url)
  page.socket.send('{"type":"explain","sql":"drop table orders"}')
  page.socket.send('{"type":"__proto__"}')
  page.socket.send('{"type":"toString","constructor":{"prototype":{"polluted":1}}}')
  page.socket.send('{"type":"sub","since":null,"__proto__":{"polluted":1},"type":"sub"}')
  await page.until(() => page.types.includes('snap'))
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  await page.close()
})

test.each([
  ['20 KiB in a frame', frame('x'.repeat(20_000))],
  ['a frame that promises 100 MB', frame('x', { length: 100_000_000 })],
  ['a frame that promises 4 GB', frame('x', { length: 0xffffffff })],
  ['an unmasked frame', frame('{}', { masked: false })],
  ['reserved bits', frame('{}', { reserved: 0x70 })],
  ['a compressed frame, which was not agreed on', frame('{}', { reserved: 0x40 })],
  ['an opcode of no use', frame('{}', { opcode: 5 })],
  ['text that is not UTF-8', frame(Buffer.from([0xff, 0xfe, 0xfd]))],
  ['a binary frame', frame('{}', { opcode: 2 })],
  ['a close with a bad code', frame(Buffer.from([0, 1]), { opcode: 8 })],
  ['a long ping', frame('x'.repeat(126), { opcode: 9 })],
  [
    '20 000 fragments of a byte',
    Buffer.concat([
      frame('{', { fin: false }),
      ...Array.from({ length: 20_000 }, () => frame(' ', { opcode: 0, fin: false })),
    ]),
  ],
])('%s ends that socket and nothing else', async (_name, bytes) => {
  const panel = await ownPanel()
  const socket = connect(panel.port, '127.0.0.1', () => {
    socket.write(upgradeText(own(panel)))
    socket.write(frame(JSON.stringify({ type: 'auth', token: tokenOf(panel.url) })))
    socket.write(bytes)
  })
  socket.on('error', () => {})
  socket.resume()
  await closedOf(socket)
  await expectAlive(panel)
})

test('no compression is agreed on, whatever is offered', async () => {
  const panel = await ownPanel()
  const socket = new WebSocket(`ws://127.0.0.1:${panel.port}/__enginelight/socket`, [SUBPROTOCOL], {
    origin: panel.origin,
    perMessageDeflate: true,
  })
  await new Promise(resolve => socket.once('open', resolve))
  expect([socket.extensions, socket.protocol]).toEqual(['', SUBPROTOCOL])
  socket.terminate()
})

test('more than 20 messages a second close the socket', async () => {
  const panel = await ownPanel()
  const page = await Page.enter(panel.url)
  for (let seq = 0; seq < 30; seq++) page.send({ type: 'ack', seq })
  expect((await page.closed).code).toBe(1008)
})

test('60 sockets with half a request keep no page away', async () => {
  const panel = await ownPanel()
  const sockets = Array.from({ length: 60 }, (_, index) => {
    const socket = connect(panel.port, '127.0.0.1', () =>
      socket.write(index % 2 ? 'GET /__engi' : 'GET / HTTP/1.1\r\nHost: '),
    )
    socket.on('error', () => {})
    return socket
  })
  await expectAlive(panel)
  for (const socket of sockets) socket.destroy()
})

test('markup in SQL, paths, names and errors comes through as text, and each frame is JSON', async () => {
  const panel = await ownPanel()
  const page = await Page.open(panel.url)
  const corpus = [
    '<img src=x onerror=alert(1)>',
    '</script><script>alert(1)</script>',
    'javascript:alert(1)',
    '\u2028\u2029',
    '\u202etxt',
    '\u001b[31m',
    '{{7*7}}',
    '\ud800',
    '"\\',
  ]
  const speaker = new Speaker('<b>engine</b>')
  speaker.declare()
  corpus.forEach((text, index) => {
    speaker.request(`u${index}`, `GET /${text}`)
    speaker.statement(`q${index}`, '<i>c1</i>', `u${index}`, `select "${text.replaceAll('"', '')}"`, 1)
  })
  await page.untilSeq(1 + corpus.length * 2)
  const texts = [...page.texts.values()]
  for (const text of corpus.slice(0, 6)) {
    expect(texts).toContain(`GET /${text}`)
    expect(texts).toContain(`select "${text}"`)
  }
  await page.close()
})
