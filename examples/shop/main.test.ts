import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { asker, canConnect, openDemo, openEyes, spawnDemo, type Demo } from './testing/demo.ts'

const demos: Demo[] = []
afterEach(() => Promise.all(demos.splice(0).map(demo => demo.remove())))

const kept = async <D extends Demo>(made: Promise<D>): Promise<D> => {
  const demo = await made
  demos.push(demo)
  return demo
}

/** Until a request is in the middle of a long statement. */
async function busyDemo() {
  const demo = await kept(openDemo('--traffic', 'off'))
  const eyes = await openEyes(demo.urls)
  void asker(demo.urls)
    .ask('/trouble/slow?seconds=60')
    .catch(() => {})
  await expect.poll(() => eyes.busy('shop_reader')).toHaveLength(1)
  await eyes.close()
  return demo
}

/** A client that keeps its connection, and a page that looks on. */
async function openOnlookers({ urls }: Awaited<ReturnType<typeof busyDemo>>) {
  const { port } = new URL(urls.app)
  const client = connect(Number(port), '127.0.0.1').on('error', () => {})
  client.write('GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n')
  expect(String((await once(client, 'data'))[0])).toContain('200 OK')
  const { host, origin, hash } = new URL(urls.panel)
  const page = new WebSocket(`ws://${host}/__enginelight/socket`, ['enginelight.v1'], { origin })
  await once(page, 'open')
  page.send(JSON.stringify({ type: 'auth', token: hash.replace('#t=', '') }))
  await once(page, 'message')
}

test('R40 SIGINT ends requests, server and folder within five seconds, and the process with 0', async () => {
  const demo = await busyDemo()
  await openOnlookers(demo)
  const startedAt = performance.now()
  demo.process.kill('SIGINT')
  expect(await once(demo.process, 'exit')).toEqual([0, null])
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  expect(demo.output()).toMatch(
    /GET \/trouble\/slow \(u\d+\) was ended before it was done: .*reader held by .* executing/,
  )
  expect(await canConnect(demo.urls.databases.shop)).toBe(false)
  expect(await demo.leftovers()).toEqual([])
})

test('a second SIGINT ends it at once, and PostgreSQL behind it', async () => {
  const demo = await busyDemo()
  demo.process.kill('SIGINT')
  await new Promise(resolve => setTimeout(resolve, 200))
  demo.process.kill('SIGINT')
  expect(await once(demo.process, 'exit')).toEqual([130, null])
  await expect.poll(() => canConnect(demo.urls.databases.shop), { timeout: 5_000 }).toBe(false)
  await expect.poll(demo.leftovers, { timeout: 5_000 }).toEqual([])
})

test('killed in the midst of traffic, it leaves no server and no folder', async () => {
  const demo = await kept(openDemo())
  const eyes = await openEyes(demo.urls)
  await expect.poll(async () => (await eyes.rows('logs', 'select from access_log')).length).toBeGreaterThan(2)
  await eyes.close()
  demo.process.kill('SIGKILL')
  await expect.poll(() => canConnect(demo.urls.databases.shop), { timeout: 5_000 }).toBe(false)
  await expect.poll(demo.leftovers, { timeout: 5_000 }).toEqual([])
})

test.each([0, 150, 400, 800])('interrupted on its way up, %i ms after its folder was made', async ms => {
  const demo = await kept(spawnDemo('--json', '--port', '0'))
  await expect.poll(demo.leftovers, { timeout: 5_000, interval: 5 }).not.toEqual([])
  await new Promise(resolve => setTimeout(resolve, ms))
  demo.process.kill('SIGTERM')
  expect(await once(demo.process, 'exit')).toEqual([0, null])
  expect(await demo.leftovers()).toEqual([])
})

const run = async (...args: string[]) => {
  const demo = await kept(spawnDemo(...args))
  const [code] = await once(demo.process, 'close')
  return { code, output: demo.output() }
}

test('explains its options', async () => {
  expect(await run('--help')).toEqual({ code: 0, output: expect.stringContaining('--traffic on|off') })
})

test.each([
  [['--nope'], 'Unknown option'],
  [['--port', 'http'], '--port is a number'],
  [['--pool', '0'], '--pool is a number from 1'],
  [['--traffic', 'maybe'], '--traffic is on or off'],
])('refuses %j', async (args, sentence) => {
  expect(await run(...args)).toEqual({ code: 1, output: expect.stringContaining(sentence) })
})

test('refuses a port that is taken, before it starts anything', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { code, output } = await run('--port', String(port))
  server.close()
  expect([code, output]).toEqual([1, expect.stringContaining(`Port ${port} cannot be had`)])
})
