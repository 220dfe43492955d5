import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../server-lib/testing/database.ts'
import { expectBackends } from '../../server-lib/testing/ground-truth.ts'

const root = join(import.meta.dirname, '../..')
const main = join(root, 'dist/cli/main.js')
const folder = join(root, '.cache', `cli-panel-${process.pid}`)
/** Apart from what the user's own panels keep, and short: the path of a socket is. */
let state: string
/** A label that would clear the screen and rename the window. */
const HOSTILE = 'POST /pay \u001B[2J\u001B]0;mine\u0007'

const APPLICATION = `
import { createServer } from 'node:http'
import { createEngines, engine } from 'enginelight'
import { startPanel } from 'enginelight/panel'
const [url, port, token] = process.argv.slice(2)
const engines = createEngines({
  writer: engine()({ connection: url, pool: { max: 2 }, checkoutTimeoutMs: 60_000 }),
  reader: engine()({ connection: url, access: 'read' }),
  books: engine()({ connection: url }),
}, { application: 'shop' })
const panel = await startPanel({ enabled: true, engines, ...(token && { port: Number(port), token }) })
const steps = {
  async n1() {
    await engines.scope(async db => {
      for (let id = 0; id < 12; id++) await db.reader('orders').where({ id }).first()
    })
  },
  async commit() {
    await engines.run(async db => void (await db.writer('orders').insert({ id: 1, note: 'kept-secret' })))
  },
  async fill() {
    for (const label of [${JSON.stringify(HOSTILE)}, 'POST /orders']) {
      const db = engines.open({ label })
      await db.writer('orders').insert({ id: 2 })
    }
    engines.open({ label: 'GET /waits' }).writer('orders').catch(() => {})
  },
  async hold() {
    await engines.open({ label: 'POST /orders' }).books('orders').insert({ id: 2 })
  },
  stall: async () => { for (const end = Date.now() + 7_000; Date.now() < end; ); },
  end: async () => process.exit(),
}
process.stdin.setEncoding('utf8').on('data', async step => {
  await steps[step.trim()]()
  console.log('done')
})
console.log(panel.url)
`

let database: TestDatabase
beforeAll(async () => {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'shop.mjs'), APPLICATION)
  state = await mkdtemp(join(tmpdir(), 'el-'))
  database = await createDatabase('create table orders (id int, note text)')
})
const running: ChildProcess[] = []
afterEach(async () => {
  for (const child of running.splice(0)) {
    const gone = child.exitCode === null ? once(child, 'exit') : null
    child.kill('SIGKILL')
    await gone
  }
  await expectBackends(database, 0)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await rm(state, { recursive: true, force: true })
  await database.drop()
})

/** A process with engines and a panel, which does what it is told. */
async function shop(port = 0, options: { token?: string; cwd?: string } = { token: 'a-token-of-this-test' }) {
  const { token = '', cwd = folder } = options
  const args = [join(folder, 'shop.mjs'), database.url, String(port), token]
  const env = { ...process.env, XDG_STATE_HOME: state }
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] })
  running.push(child)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const url = String((await lines.next()).value)
  return {
    url,
    port: Number(new URL(url).port),
    child,
    async step(name: string) {
      child.stdin.write(`${name}\n`)
      await lines.next()
    },
  }
}

interface Ended {
  code: unknown
  stdout: string
  stderr: string
}
const enginelight = (...args: string[]) => enginelightIn({}, ...args)
const enginelightIn = ({ cwd = folder, ...env }: NodeJS.ProcessEnv, ...args: string[]) =>
  new Promise<Ended>(resolve =>
    execFile(
      process.execPath,
      [main, ...args],
      { cwd, env: { ...process.env, XDG_STATE_HOME: state, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    ),
  )
const asked = async (...args: string[]) => {
  const { code, stdout, stderr } = await enginelight(...args, '--json')
  expect(stderr).toBe('')
  return { code, json: JSON.parse(stdout) as any }
}

test('holds names the backends that the server sees idle in a transaction, and who waits', async () => {
  const { url, step } = await shop()
  await step('fill')
  const { json } = await asked('holds', 'writer', '--url', url)
  const [board] = json.pools
  const idle = await database.admin<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and state = 'idle in transaction' order by pid`,
  )
  expect(board.lanes.map((lane: any) => lane.backendPid).sort()).toEqual(idle.map(({ pid }) => pid))
  expect(board).toMatchObject({ pool: 'writer#1', max: 2, used: 2 })
  expect(board.lanes[1]).toMatchObject({
    phase: 'idle in transaction',
    words: 'idle in tx',
    label: 'POST /orders',
    site: expect.stringMatching(/shop\.mjs:\d+/),
  })
  expect(board.waiting).toMatchObject([{ label: 'GET /waits' }])
  const { stdout, code } = await enginelight('holds', 'writer', '--url', url)
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /writer, pool writer#1: 2 of 2 held, 1 request waits\.\nAll 2 holders are idle in a transaction/,
  )
  expect(stdout).toMatch(/^1 +c\d+ +\d+ +idle in tx [\d.]+ m?s +POST \/orders u\d+\n {2}at .*shop\.mjs:\d+/m)
  // The label is shown, and not obeyed; nothing is wider than a terminal.
  expect(stdout).toContain('POST /pay \\u001b[2J\\u001b]0;mine\\u0007')
  // oxlint-disable-next-line no-control-regex
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
  expect(Math.max(...stdout.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
})

test('findings: 1 where there is one of those that are not allowed, with the line; 0 otherwise', async () => {
  const { url, step } = await shop()
  await step('n1')
  await step('fill')
  const failing = await enginelight('findings', '--fail-on', 'leak,pool-full', '--url', url)
  expect(failing.code).toBe(1)
  expect(failing.stdout).toMatch(
    /bad {2}pool full\n {2}writer has no free connection: 2 of 2 are held, 1 request waits\./,
  )
  expect(failing.stdout).toMatch(/warn {2}n\+1, over[^]*sent 12 [^]*\n {2}at .*shop\.mjs:\d+/)
  const { code, json } = await asked('findings', '--fail-on', 'n+1', '--url', url)
  expect(code).toBe(1)
  expect(json.findings.filter((one: any) => one.fails)).toMatchObject([
    { kind: 'n+1', isOver: true, site: expect.stringContaining('shop.mjs'), count: 1 },
  ])
  expect((await enginelight('findings', '--fail-on', 'lied-commit', '--url', url)).code).toBe(0)
  expect((await enginelight('findings', '--url', url)).code).toBe(0)
  const accepted = await asked('findings', '--accept', 'known.json', '--url', url)
  const known = JSON.parse(await readFile(join(folder, 'known.json'), 'utf8')) as any
  expect(known.findings).toHaveLength(accepted.json.known)
  expect(known.findings).toContainEqual(
    expect.objectContaining({ finding: 'repetition', statement: expect.stringContaining('from "orders"') }),
  )
  const now = await enginelight('now', '--url', url)
  expect(now).toMatchObject({ code: 0, stderr: '' })
  expect(now.stdout).toMatch(
    /^shop, pid \d+, as of [\d:]+\n1 check-out waits for a connection; 2 of 22 are held\./,
  )
  expect(now.stdout).toMatch(/bad {2}pool full\n {2}writer has no free connection/)
  expect(now.stdout).toMatch(/\d findings? of before: enginelight findings\.\n$/)
})

test('request, tx and queries tell what the page tells, and no value', async () => {
  const { url, step } = await shop()
  await step('commit')
  await step('n1')
  await step('hold')
  const { json } = await asked('queries', '--url', url)
  expect(json.queries.find((one: any) => one.count === 12)).toMatchObject({
    text: expect.stringContaining('from "orders"'),
    engine: 'reader',
    errors: 0,
    site: expect.stringContaining('shop.mjs'),
  })
  const { lanes } = (await asked('holds', 'books', '--url', url)).json.pools[0]
  const held = lanes.find((lane: any) => lane.label === 'POST /orders')
  const { request } = (await asked('request', held.request, '--url', url)).json
  expect(request).toMatchObject({
    label: 'POST /orders',
    outcome: 'running',
    engines: { writer: 'initialized', reader: 'initialized', books: 'started' },
  })
  const sum = Object.values(request.ledgerMs as Record<string, number>).reduce((all, ms) => all + ms, 0)
  expect(Math.abs(sum - request.wallMs)).toBeLessThan(0.01)
  // The server's own word: what the open transaction has locked.
  const { transaction } = (await asked('tx', request.transactions[0], '--url', url)).json
  expect(transaction).toMatchObject({ fate: 'open', engine: 'books', backendPid: held.backendPid })
  expect(transaction.locks.locks).toContainEqual(['orders', 'RowExclusiveLock', true])
  const told = await Promise.all([
    enginelight('request', held.request, '--url', url),
    enginelight('tx', request.transactions[0], '--url', url),
    enginelight('queries', '--url', url),
    enginelight('doctor', '--url', url),
  ])
  expect(told.map(({ code }) => code)).toEqual([0, 0, 0, 0])
  expect(told[0]?.stdout).toMatch(/A transaction sat open|idle in tx|sits idle/)
  expect(told[1]?.stdout).toContain('holds RowExclusiveLock on orders')
  expect(told[2]?.stdout).toMatch(/^12 +[\d.]+ m?s/m)
  expect(told[3]?.stdout).toMatch(
    /^ok {2}engine writer: watched, on a pool of its own; transaction, write\.$/m,
  )
  expect(JSON.stringify([json, request, transaction, told])).not.toContain('kept-secret')
})

test('tail tells what happens, and waits for the process that comes back', async () => {
  const first = await shop()
  const child = spawn(process.execPath, [main, 'tail', '--json', '--url', first.url], { cwd: folder })
  running.push(child)
  const news: any[] = []
  createInterface(child.stdout).on('line', line => news.push(JSON.parse(line)))
  const types = () => news.map(({ type }) => type)
  await expect.poll(types, { timeout: 10_000 }).toContain('process')
  await first.step('n1')
  await expect.poll(types, { timeout: 10_000 }).toEqual(['process', 'request', 'finding'])
  expect(news[1]).toMatchObject({ kind: 'scope', outcome: 'none', tookMs: expect.any(Number) })
  expect(news[2]).toMatchObject({ sentence: expect.stringContaining('sent 12 ') })
  first.child.stdin.write('end\n')
  await expect.poll(types, { timeout: 10_000 }).toContain('away')
  const second = await shop(first.port)
  await expect.poll(() => types().filter(type => type === 'process').length, { timeout: 10_000 }).toBe(2)
  await second.step('commit')
  await expect
    .poll(() => news.at(-1), { timeout: 10_000 })
    .toMatchObject({ type: 'request', outcome: 'committed' })
})

test('a process of this project is found without a URL; of several the youngest, or the one that is named', async () => {
  const project = join(folder, 'project')
  const inside = join(project, 'src')
  await mkdir(inside, { recursive: true })
  await writeFile(join(project, 'package.json'), '{}')
  const before = await enginelightIn({ cwd: inside }, 'now')
  expect(before).toMatchObject({ code: 3, stdout: '' })
  expect(before.stderr).toMatch(/No panel of .*project runs\./)
  const first = await shop(0, { cwd: project })
  const alone = await enginelightIn({ cwd: inside }, 'holds', 'writer', '--json')
  expect(alone).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(alone.stdout).process.pid).toBe(first.child.pid)
  const second = await shop(0, { cwd: inside })
  const youngest = await enginelightIn({ cwd: project }, 'holds', 'writer', '--json')
  expect(JSON.parse(youngest.stdout).process.pid).toBe(second.child.pid)
  expect(youngest.stderr).toBe(
    `enginelight: pid ${second.child.pid} is the youngest of 2 processes; --pid asks ${first.child.pid}.\n`,
  )
  const named = await enginelightIn({ cwd: project }, 'doctor', '--json', '--pid', String(first.child.pid))
  expect(named).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(named.stdout).process.pid).toBe(first.child.pid)
  expect(await enginelightIn({ cwd: project }, 'now', '--pid', '1')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      `No process 1 of this project has a panel; there are ${second.child.pid}, ${first.child.pid}.`,
    ),
  })
  // Another project does not see them.
  expect(await enginelight('now')).toMatchObject({ code: 3 })
  // A token that others can read is none.
  const files = await readdir(join(state, 'enginelight'), { recursive: true })
  for (const file of files.filter(name => name.endsWith('panel.json')))
    await chmod(join(state, 'enginelight', file), 0o644)
  expect(await enginelightIn({ cwd: project }, 'now')).toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringContaining('panel.json'),
  })
})

test('a wrong command line is 2, before anything is asked', async () => {
  const url = 'http://127.0.0.1:1/__enginelight/#t=a-token-of-this-test'
  const cases: [string[], RegExp][] = [
    [['holds', '--url', url], /holds needs the engine: enginelight holds <engine>\./],
    [['request', '--url', url], /request needs the id/],
    [['now', 'all', '--url', url], /all is too much/],
    [
      ['findings', '--fail-on', 'leaks', '--url', url],
      /--fail-on has no leaks; there are any, bad, .*pool-full/,
    ],
    [['findings', '--fail-on', '', '--url', url], /--fail-on has no empty word/],
    [['now', '--fail-on', 'leak', '--url', url], /--fail-on goes with findings alone/],
    [['now', '--engines', 'x.js', '--url', url], /--engines goes with recover, install, types/],
    [['now', '--pid', 'x'], /--pid must be the number of a process/],
    [['now', '--pid', '1', '--url', url], /--pid and --url name a process each/],
    [['now', '--url', 'http://127.0.0.1:1/'], /--url must be the panel’s own URL/],
    [['now', '--url', 'ftp://127.0.0.1/#t=a-token-of-this-test'], /--url must be the panel’s own URL/],
  ]
  const all = await Promise.all(cases.map(([args]) => enginelight(...args)))
  for (const [index, [args, sentence]] of cases.entries()) {
    expect(all[index], args.join(' ')).toMatchObject({ code: 2, stdout: '' })
    expect(all[index]?.stderr).toMatch(sentence)
  }
  const { url: open } = await shop()
  const inEnvironment = { ENGINELIGHT_PANEL_URL: open }
  expect(await enginelightIn(inEnvironment, 'holds', 'writer')).toMatchObject({ code: 0, stderr: '' })
  expect(await enginelightIn(inEnvironment, 'holds', 'writer', '--url', url)).toMatchObject({ code: 3 })
  expect(await enginelightIn({ ENGINELIGHT_PANEL_URL: 'here' }, 'now')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('ENGINELIGHT_PANEL_URL must be the panel’s own URL'),
  })
  expect(await enginelight('holds', 'nope', '--url', open)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('This process has no engine nope; it has writer, reader, books.'),
  })
  for (const command of ['request', 'tx'])
    expect(await enginelight(command, 'x\u001B[2J', '--url', open)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/knows no \w+ x\\u001b\[2J: it is too long ago, or of another run/),
    })
})

test('no panel is 3, whatever answers in its place', async () => {
  const { url, port, step } = await shop()
  const wrong = url.replace('a-token-of-this-test', 'another-token-than-that')
  const other: Server = createServer((_, response) => response.writeHead(404).end('\u001B[2Jnot here'))
  const silent: Server = createServer().on('upgrade', () => {})
  for (const server of [other, silent])
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const at = (server: Server) => url.replace(`:${port}/`, `:${(server.address() as AddressInfo).port}/`)
  const told = await Promise.all([
    enginelight('now', '--url', wrong),
    enginelight('now', '--url', url.replace(`:${port}/`, ':1/')),
    enginelight('now', '--url', at(other)),
    enginelight('findings', '--fail-on', 'any', '--url', at(silent)),
  ])
  expect(told.map(({ code }) => code)).toEqual([3, 3, 3, 3])
  expect(told[0]?.stderr).toContain('The token is not that of the panel at http://127.0.0.1:')
  expect(told[1]?.stderr).toContain(
    'Nothing listens where the panel at http://127.0.0.1:1/__enginelight/ should be.',
  )
  expect(told[2]?.stderr).toContain('was 404: \\u001b[2Jnot here')
  // The token is in no sentence.
  expect(told.map(({ stderr }) => stderr).join()).not.toContain('token-')
  void step('stall')
  await expect.poll(async () => (await enginelight('now', '--url', url)).code, { timeout: 15_000 }).toBe(3)
  for (const server of [other, silent]) {
    server.closeAllConnections()
    server.close()
  }
}, 40_000)

test('a reader that leaves early ends tail', async () => {
  const { url, step } = await shop()
  const child = spawn('sh', ['-c', `"${process.execPath}" "${main}" tail --url '${url}' | head -1`], {
    cwd: folder,
  })
  running.push(child)
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  await step('commit')
  await step('n1')
  await ended
})
