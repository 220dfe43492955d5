import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from './database.ts'
import { BLACK_HOLE, HEALTHY, startFaultProxy, type FaultProxy } from './fault-proxy.ts'

/** Answers each chunk with itself. */
const echo = createServer(socket => socket.on('error', () => {}).pipe(socket))
let database: TestDatabase
let echoUrl: string
let proxy: FaultProxy

beforeAll(async () => {
  database = await createDatabase('create table t (id int)')
  await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', resolve))
  echoUrl = `postgres://u:p@127.0.0.1:${(echo.address() as AddressInfo).port}/x`
})
beforeEach(async () => void (proxy = await startFaultProxy(echoUrl)))
afterEach(() => proxy.stop())
afterAll(async () => {
  echo.close()
  await database.drop()
})

/** A client of the proxy that keeps what it hears. */
async function talk(port = proxy.port): Promise<Socket & { heard: string; failed: string | undefined }> {
  const socket = Object.assign(connect(port, '127.0.0.1'), {
    heard: '',
    failed: undefined as string | undefined,
  })
  socket.setNoDelay(true)
  socket.on('data', chunk => (socket.heard += chunk.toString()))
  socket.on('error', (error: NodeJS.ErrnoException) => (socket.failed = error.code))
  await new Promise<void>(resolve => socket.once('connect', resolve).once('close', () => resolve()))
  return socket
}
const moment = (ms = 60) => new Promise(resolve => setTimeout(resolve, ms))

test('all passes, in both directions and to the end, and live connections are counted', async () => {
  const socket = await talk()
  socket.write('hello')
  await expect.poll(() => socket.heard).toBe('hello')
  expect(proxy.connections).toHaveLength(1)
  socket.end('bye')
  await once(socket, 'close')
  expect(socket.heard).toBe('hellobye')
  await expect.poll(() => proxy.connections.length).toBe(0)
  expect(new URL(proxy.url)).toMatchObject({ username: 'u', password: 'p', pathname: '/x' })
})

test('a delay holds for each chunk, in order, and stays exact with many small ones', async () => {
  const delayMs = 20
  proxy.set({ delayMs })
  const socket = await talk()
  const sent: number[] = []
  const late: number[] = []
  socket.on('data', (chunk: Buffer) => {
    for (const _ of chunk) late.push(performance.now() - (sent[late.length] ?? 0) - 2 * delayMs)
  })
  let expected = ''
  for (let index = 0; index < 400; index++) {
    const letter = String.fromCharCode(97 + (index % 26))
    expected += letter
    sent.push(performance.now())
    socket.write(letter)
    await new Promise(resolve => setImmediate(resolve))
  }
  await expect.poll(() => socket.heard.length).toBe(400)
  expect(socket.heard).toBe(expected)
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
  // Each way waits for two timers, of a millisecond each, on a machine that does other things as well; were the delays added
  // up over the chunks it would be seconds.
  expect(late.toSorted((a, b) => a - b)[200]).toBeLessThan(500)
  socket.destroy()
})

test('a delay of 1 ms each way is about 2 ms there and back', async () => {
  proxy.set({ delayMs: 1 })
  const socket = await talk()
  const took: number[] = []
  for (let index = 0; index < 50; index++) {
    const from = performance.now()
    socket.write('x')
    await once(socket, 'data')
    took.push(performance.now() - from)
  }
  const median = took.toSorted((a, b) => a - b)[25]
  expect(median).toBeGreaterThanOrEqual(2)
  expect(median).toBeLessThan(8)
  socket.destroy()
})

test('a black hole swallows one direction or both, for one connection or all, and hangs new ones', async () => {
  const [first, second] = [await talk(), await talk()]
  await expect.poll(() => proxy.connections.length).toBe(2)
  proxy.connections[0]?.set({ toClient: 'swallow' })
  first.write('lost')
  second.write('heard')
  await expect.poll(() => second.heard).toBe('heard')
  proxy.set(BLACK_HOLE)
  const third = await talk()
  third.write('nobody')
  second.write(' no more')
  await moment()
  expect([first.heard, second.heard, third.heard]).toEqual(['', 'heard', ''])
  expect([first.failed, second.failed, third.failed]).toEqual([undefined, undefined, undefined])
  third.destroy()
  await expect.poll(() => proxy.connections.length).toBe(2)
  // What was swallowed is lost for good; what comes now passes.
  proxy.set(HEALTHY)
  second.write('!')
  await expect.poll(() => second.heard).toBe('heard!')
  const fourth = await talk()
  proxy.set(BLACK_HOLE, 'new')
  fourth.write('old ones live')
  await expect.poll(() => fourth.heard).toBe('old ones live')
  for (const socket of [first, second, fourth]) socket.destroy()
})

test('what is held comes later, whole', async () => {
  const socket = await talk()
  await expect.poll(() => proxy.connections.length).toBe(1)
  proxy.set({ toClient: 'hold' })
  socket.write('one ')
  await moment()
  socket.write('two')
  await moment()
  expect(socket.heard).toBe('')
  proxy.set(HEALTHY)
  await expect.poll(() => socket.heard).toBe('one two')
  socket.destroy()
})

test('a reset is an ECONNRESET, and a refused connect an ECONNREFUSED until it is allowed again', async () => {
  const socket = await talk()
  socket.write('x')
  await expect.poll(() => socket.heard).toBe('x')
  proxy.connections[0]?.reset()
  await expect.poll(() => socket.failed).toBe('ECONNRESET')
  const before = await talk()
  await expect.poll(() => proxy.connections.length).toBe(1)
  await proxy.refuse()
  const refused = await talk()
  expect(refused.failed).toBe('ECONNREFUSED')
  before.write('still here')
  await expect.poll(() => before.heard).toBe('still here')
  await proxy.accept()
  const after = await talk()
  after.write('again')
  await expect.poll(() => after.heard).toBe('again')
  for (const one of [before, after]) one.destroy()
})

test('a pattern over the border of chunks strikes once, and what came before it still goes', async () => {
  const socket = await talk()
  const strike = proxy.once('COMMIT', 'black hole')
  socket.write('insert;CO')
  await expect.poll(() => socket.heard).toBe('insert;CO')
  socket.write('MM')
  await moment()
  expect(strike.struck).toBe(false)
  socket.write('IT;')
  await strike.hit
  await moment()
  expect(socket.heard).toBe('insert;COMM')
  const other = await talk()
  other.write('COMMIT')
  await expect.poll(() => other.heard).toBe('COMMIT')
  // Called with the connection, the bytes go on.
  const seen = proxy.once('again', connection => connection.set({ toClient: 'hold' }))
  other.write('once again')
  await seen.hit
  proxy.once('never', 'reset').cancel()
  other.write(' never')
  await moment()
  expect(other.heard).toBe('COMMIT')
  proxy.set(HEALTHY)
  await expect.poll(() => other.heard).toBe('COMMITonce again never')
  for (const one of [socket, other]) one.destroy()
})

test.each([
  { lost: 'the reply of COMMIT', from: 'server', rows: 1 },
  { lost: 'the request of COMMIT', from: 'client', rows: 0 },
] as const)('exactly $lost can be lost', async ({ from, rows }) => {
  await using own = await startFaultProxy(database.url)
  await database.admin('truncate t')
  const client = new pg.Client(own.url)
  client.on('error', () => {})
  await client.connect()
  const pid = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
  expect(own.of(pid).backendPid).toBe(pid)
  await client.query('begin')
  await client.query('insert into t values (1)')
  const strike = own.once('COMMIT', 'reset', { from })
  await expect(client.query('COMMIT')).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(strike.struck).toBe(true)
  await expect.poll(async () => (await database.backends()).length).toBe(0)
  expect(await database.admin('select id from t')).toHaveLength(rows)
})
