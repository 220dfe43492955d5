import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { SUBPROTOCOL, type Hello, type Processes } from '../../model/protocol.ts'
import { isLong } from '../../../server-lib/testing/seeded.ts'
import { compile, compiled } from '../../otel/testing/children.ts'
import { tokenOf } from '../testing/page.ts'
import { projectFolder } from '../project/index.ts'

beforeAll(compile, 60_000)

let state: string
let started: ChildProcess[] = []
const sockets: WebSocket[] = []
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'enginelight-state-'))
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await Promise.all(started.splice(0).map(end))
  await rm(state, { recursive: true, force: true })
})

const WORKER = compiled('../panel/processes/testing/worker.js')

/** A process of this project, and the URL that it printed. */
async function start(options: object = {}): Promise<{ child: ChildProcess; url: string }> {
  const env = { ...process.env, XDG_STATE_HOME: state, NODE_OPTIONS: '' }
  const child = fork(WORKER, [JSON.stringify(options)], {
    env,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  started.push(child)
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('It ended early.')))
  const [{ url }] = (await Promise.race([once(child, 'message'), ended])) as [{ url: string }]
  ended.catch(() => {})
  return { child, url }
}

async function end(child: ChildProcess): Promise<void> {
  started = started.filter(one => one !== child)
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function open(url: string, path: string): WebSocket {
  const { host, origin } = new URL(url)
  const socket = new WebSocket(`ws://${host}/__enginelight/${path}`, SUBPROTOCOL, { origin })
  sockets.push(socket)
  socket.on('error', () => {})
  socket.on('open', () => socket.send(JSON.stringify({ type: 'auth', token: tokenOf(url) })))
  return socket
}

/** The list as a page has it, through restarts of whoever has the port. */
function list(url: string) {
  let told: Processes | null = null
  let isOver = false
  const again = () => {
    if (isOver) return
    const socket = open(url, 'processes')
    socket.on('message', data => void (told = JSON.parse(String(data)) as Processes))
    socket.on('close', () => {
      told = null
      setTimeout(again, 20)
    })
  }
  again()
  const all = () => told?.all ?? []
  return {
    all,
    pids: () => all().map(({ pid }) => pid),
    /** The process that has the port. */
    holder: () => all().find(({ boot }) => boot === told?.here)?.pid,
    stop: () => void (isOver = true),
  }
}

async function greetingOf(url: string, boot: string): Promise<Hello> {
  const socket = open(url, `socket?process=${boot}`)
  const [data] = await once(socket, 'message')
  return JSON.parse(String(data)) as Hello
}

test('four processes have one address, which shows each of them', async () => {
  const four = [await start(), await start(), ...(await Promise.all([start(), start()]))]
  const [first] = four.map(({ url }) => url)
  expect(new Set(four.map(({ url }) => url))).toEqual(new Set([first]))
  const { pids, all, stop } = list(first!)
  await expect.poll(() => pids().toSorted()).toEqual(four.map(({ child }) => child.pid!).toSorted())
  for (const { boot, pid } of all())
    expect(await greetingOf(first!, boot)).toMatchObject({ type: 'hello', boot, pid })
  stop()
}, 60_000)

const KILLS = isLong ? 100 : 8

test(`${KILLS} times the process that has the port is killed: another one has it within two seconds, and only one`, async () => {
  const workers = [await start(), await start(), await start(), await start()]
  const { url } = workers[0]!
  const { pids, holder: pidOfHolder, stop } = list(url)
  for (let kill = 0; kill < KILLS; kill++) {
    await expect.poll(() => pids().length, { timeout: 5_000 }).toBe(4)
    const holder = workers.find(({ child }) => child.pid === pidOfHolder())!
    expect(holder).toBeDefined()
    const killedAt = performance.now()
    await end(holder.child)
    await expect.poll(() => answers(url), { interval: 10, timeout: 2_000 }).toBe(true)
    expect(performance.now() - killedAt).toBeLessThan(2_000)
    workers.splice(workers.indexOf(holder), 1)
    await expect.poll(() => pids().toSorted()).toEqual(workers.map(({ child }) => child.pid!).toSorted())
    const next = await start()
    expect(next.url).toBe(url)
    workers.push(next)
  }
  stop()
}, 600_000)

test('a door of a process that was killed is taken away, and what is no process of ours is not listed', async () => {
  const first = await start()
  const second = await start()
  const { pids, stop } = list(first.url)
  await expect.poll(() => pids().length).toBe(2)
  // Another token: it is no process of these.
  const stranger = await start({ token: 'a-token-of-its-own-here' })
  await end(second.child)
  await expect.poll(pids).toEqual([first.child.pid])
  await expect
    .poll(async () => (await doors()).toSorted())
    .toEqual([first, stranger].map(({ child }) => `${child.pid}.0`).toSorted())
  stop()
}, 60_000)

test('where another program has the port the next one is taken, by all', async () => {
  const { url, child } = await start()
  await end(child)
  const port = Number(new URL(url).port)
  const squatter = createServer(socket => socket.resume().end('220 no panel\r\n'))
  await new Promise<void>(resolve => squatter.listen(port, '127.0.0.1', resolve))
  const [one, two] = [await start(), await start()]
  expect([one.url, two.url].map(text => Number(new URL(text).port))).toEqual([port + 1, port + 1])
  await expect(start({ port })).rejects.toThrow('It ended early')
  await new Promise(resolve => squatter.close(resolve))
}, 60_000)

const doors = async () =>
  (await readdir(join(state, 'enginelight', projectFolder().split('/').at(-1)!))).filter(
    name => name !== 'panel.json',
  )

const answers = (url: string): Promise<boolean> =>
  fetch(new URL(url).origin).then(
    () => true,
    () => false,
  )
