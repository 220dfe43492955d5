import type { Processes } from '../../model/protocol.ts'
import { Neighbours } from './neighbours.ts'

/** A page that wants to know which processes there are. */
export interface Reader {
  send(text: string): void
}

/** Tells pages which processes the project has, at once and whenever that changes. It looks only while there is a page. */
export class Directory {
  readonly #neighbours: Neighbours
  readonly #readers = new Set<Reader>()
  /** Those that have the whole list, and are told of changes. */
  readonly #told = new WeakSet<Reader>()

  constructor(folder: string) {
    this.#neighbours = new Neighbours(folder, () => this.#tell(this.#readers))
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
    const message: Processes = { type: 'processes', all: this.#neighbours.all }
    const text = JSON.stringify(message)
    for (const reader of readers) if (this.#told.has(reader)) reader.send(text)
  }
}
