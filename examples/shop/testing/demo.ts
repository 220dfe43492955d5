import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))

/** What the demo prints with `--json`. */
export interface Urls {
  app: string
  panel: string
  databases: { shop: string; logs: string; warehouse: string }
}

/** A demo in a process of its own, as `npm run demo` starts it, and with a folder of its own for temporary files. */
export interface Demo {
  process: ChildProcess
  output(): string
  /** What the demo has in its temporary folder: nothing, when it has cleaned up. */
  leftovers(): Promise<string[]>
  /** Ends it, if the test has not. Call it in any case. */
  remove(): Promise<void>
}

export async function spawnDemo(...args: string[]): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-shop-test-'))
  // Where root runs the tests, PostgreSQL's own user must be able to walk through.
  await chmod(folder, 0o755)
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += String(chunk)))
  const leftovers = () => readdir(folder)
  return {
    process: child,
    output: () => output,
    leftovers,
    async remove() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      // The janitor sees that its parent is gone and needs a moment.
      for (let tries = 0; tries < 100 && (await leftovers()).length > 0; tries++)
        await new Promise(resolve => setTimeout(resolve, 50))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A demo that is ready, on a free port. */
export async function openDemo(...args: string[]): Promise<Demo & { urls: Urls }> {
  const demo = await spawnDemo('--json', '--port', '0', ...args)
  const ended = once(demo.process, 'exit').then(() => Promise.reject(new Error(demo.output())))
  const [line] = await Promise.race([once(demo.process.stdout!, 'data'), ended])
  ended.catch(() => {})
  return Object.assign(demo, { urls: JSON.parse(String(line)) as Urls })
}

/** What the server itself says, asked as its superuser. */
export async function openEyes({ databases }: Urls) {
  const eyes = {
    shop: new pg.Client(databases.shop),
    logs: new pg.Client(databases.logs),
    warehouse: new pg.Client(databases.warehouse),
  }
  for (const eye of Object.values(eyes)) {
    eye.on('error', () => {})
    await eye.connect()
  }
  const rows = async (database: keyof typeof eyes, text: string) => (await eyes[database].query(text)).rows
  return {
    rows,
    /** The backends of one role that are not idle: their state and statement. */
    busy: (role: 'shop_reader' | 'shop_writer' | 'shop_warehouse' | 'shop_logger') =>
      rows(
        'shop',
        `select state, query from pg_stat_activity where usename = '${role}' and state <> 'idle' order by pid`,
      ),
    close: () => Promise.all(Object.values(eyes).map(eye => eye.end())),
  }
}

/** Whether there is a server to connect to. */
export async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  )
}

/** Asks the shop as a program does. */
export function asker({ app }: Urls) {
  const ask = (path: string, init?: RequestInit) => fetch(new URL(path, app), init)
  const json = async (path: string, init?: RequestInit) => {
    const response = await ask(path, init)
    // Tests look into it as they like.
    return { status: response.status, body: (await response.json()) as any }
  }
  const post = (path: string, body: object) =>
    json(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return { ask, json, post }
}
