import { readdirSync } from 'node:fs'
import { request, type ClientRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessFacts } from '../../model/protocol.ts'
import { proofOf, type Proven } from './proof.ts'
import { ABOUT_PATH, doorPath, remove } from './local-door.ts'

const LOOK_MS = 500
const ANSWER_MS = 300
const LONGEST_FACTS = 4_096
const DOOR = /^(\d+)\.\d+$/

/**
 * The processes of this project that have a panel. While somebody looks, the folder is read twice a second; one
 * connection to each process stays open, so that an end is known at once.
 */
export class Neighbours {
  readonly #folder: string | null
  readonly #token: string
  readonly #changed: () => void
  /** By the name of the door. Without facts before it has answered. */
  readonly #known = new Map<string, { asked: ClientRequest; facts: ProcessFacts | null }>()
  #timer: NodeJS.Timeout | null = null
  /** Resolves when all that were there at the first look have answered, or shown that they are gone. */
  #first: Promise<unknown> = Promise.resolve()

  /** Of those that prove that they have the same token. */
  constructor(folder: string | null, token: string, changed: () => void) {
    this.#folder = folder
    this.#token = token
    this.#changed = changed
  }

  get all(): readonly ProcessFacts[] {
    return [...this.#known.values()].flatMap(({ facts }) => facts ?? [])
  }

  /** Where a process is reached; undefined for one that is not known. */
  doorOf(boot: string): string | undefined {
    const found = [...this.#known].find(([, { facts }]) => facts?.boot === boot)
    return found && this.#folder !== null ? doorPath(this.#folder, found[0]) : undefined
  }

  /** Looks until `stop`. Resolves when the list is whole: a process that stands still is not waited for longer. */
  async look(): Promise<void> {
    if (!this.#timer) {
      this.#timer = setInterval(() => this.#read(), LOOK_MS).unref()
      this.#first = Promise.race([Promise.all(this.#read()), sleep(ANSWER_MS, null, { ref: false })])
    }
    await this.#first
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    for (const { asked } of this.#known.values()) asked.destroy()
    this.#known.clear()
  }

  #read(): Promise<void>[] {
    const folder = this.#folder
    if (folder === null) return []
    const fresh = doorsIn(folder).filter(name => !this.#known.has(name))
    return fresh.map(name => new Promise(resolve => this.#ask(name, doorPath(folder, name), resolve)))
  }

  #ask(name: string, path: string, settled: () => void): void {
    const asked = request({ socketPath: path, path: ABOUT_PATH, agent: false })
    const entry = { asked, facts: null as ProcessFacts | null }
    this.#known.set(name, entry)
    const gone = () => {
      settled()
      if (this.#known.get(name) !== entry) return
      this.#known.delete(name)
      if (entry.facts) this.#changed()
    }
    asked.on('socket', socket => {
      socket.unref()
      socket.on('close', gone)
    })
    asked.on('error', (error: NodeJS.ErrnoException) => {
      // Killed, it could not take its door away.
      if (error.code === 'ECONNREFUSED' && !isAlive(Number(DOOR.exec(name)?.[1]))) remove(path)
      gone()
    })
    asked.on('response', response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > LONGEST_FACTS) asked.destroy()
        if (entry.facts !== null || !text.includes('\n')) return
        entry.facts = readFacts(text, this.#token)
        settled()
        if (entry.facts && this.#known.get(name) === entry) this.#changed()
      })
    })
    asked.end()
  }
}

function doorsIn(folder: string): string[] {
  try {
    const names =
      process.platform === 'win32'
        ? readdirSync('\\\\.\\pipe\\').flatMap(name => {
            const own = doorPath(folder, '').slice('\\\\.\\pipe\\'.length)
            return name.startsWith(own) ? [name.slice(own.length)] : []
          })
        : readdirSync(folder)
    return names.filter(name => DOOR.test(name))
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Another version may answer otherwise: what is no process of ours is left out. */
function readFacts(text: string, token: string): ProcessFacts | null {
  try {
    const { proof, boot, pid, thread, worker, application, page, startedAt } = JSON.parse(text) as Proven
    if (proof !== proofOf(token, boot)) return null
    const isWhole =
      typeof boot === 'string' &&
      typeof pid === 'number' &&
      typeof thread === 'number' &&
      typeof startedAt === 'number'
    return isWhole
      ? {
          boot,
          pid,
          thread,
          worker: worker ?? null,
          application: String(application),
          page: typeof page === 'string' ? page : null,
          startedAt,
        }
      : null
  } catch {
    return null
  }
}
