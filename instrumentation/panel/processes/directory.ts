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

  constructor(folder: string) {
    this.#neighbours = new Neighbours(folder, () => this.#tell(this.#readers))
  }

  get size(): number {
    return this.#readers.size
  }

  doorOf(boot: string): string | undefined {
    return this.#neighbours.doorOf(boot)
  }

  add(reader: Reader): void {
    this.#readers.add(reader)
    this.#neighbours.look()
    this.#tell([reader])
  }

  remove(reader: Reader): void {
    this.#readers.delete(reader)
    if (this.#readers.size === 0) this.#neighbours.stop()
  }

  #tell(readers: Iterable<Reader>): void {
    const message: Processes = { type: 'processes', all: this.#neighbours.all }
    const text = JSON.stringify(message)
    for (const reader of readers) reader.send(text)
  }
}
