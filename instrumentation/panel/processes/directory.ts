import type { ProcessFacts, Processes } from '../../model/protocol.ts'
import { Neighbours } from './neighbours.ts'

/** A page that wants to know which processes there are. */
export interface Reader {
  send(text: string): void
}

export interface DirectoryOptions {
  readonly folder: string | null
  readonly token: string
  readonly own: () => ProcessFacts
  readonly isMounted: () => boolean
}

/** Tells pages which processes the project has, at once and whenever that changes. It looks only while there is a page. */
export class Directory {
  readonly #neighbours: Neighbours
  readonly #readers = new Set<Reader>()
  /** Those that have the whole list, and are told of changes. */
  readonly #told = new WeakSet<Reader>()

  readonly #own: () => ProcessFacts
  readonly #isMounted: () => boolean

  constructor({ folder, token, own, isMounted }: DirectoryOptions) {
    this.#own = own
    this.#isMounted = isMounted
    this.#neighbours = new Neighbours(folder, token, () => this.#tell(this.#readers))
  }

  get size(): number {
    return this.#readers.size
  }

  /** Where a process is reached; undefined for one that is not there. */
  async doorOf(boot: string): Promise<string | undefined> {
    await this.#neighbours.look()
    const door = this.#neighbours.doorOf(boot)
    if (this.#readers.size === 0) this.#neighbours.stop()
    return door
  }

  /** It is told when the list is whole: what is missing in it has ended. */
  async add(reader: Reader): Promise<void> {
    this.#readers.add(reader)
    await this.#neighbours.look()
    this.#told.add(reader)
    if (this.#readers.has(reader)) this.#tell([reader])
  }

  remove(reader: Reader): void {
    this.#readers.delete(reader)
    if (this.#readers.size === 0) this.#neighbours.stop()
  }

  #tell(readers: Iterable<Reader>): void {
    const own = this.#own()
    const others = this.#neighbours.all.filter(({ boot }) => boot !== own.boot)
    const all = [own, ...others].toSorted((a, b) => a.startedAt - b.startedAt || a.pid - b.pid)
    const message: Processes = { type: 'processes', isMounted: this.#isMounted(), here: own.boot, all }
    const text = JSON.stringify(message)
    for (const reader of readers) if (this.#told.has(reader)) reader.send(text)
  }
}
