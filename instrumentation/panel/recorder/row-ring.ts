import type { Row } from '../../model/codec.ts'
import { rowBytes } from './row-bytes.ts'

/** The recent rows, in order and without gaps. Readers hold no rows, only the number of the last one they read. */
export class RowRing {
  bytes = 0
  #rows: (Row | undefined)[] = []
  #head = 0
  /** The number of the oldest row in here; `last + 1` if there is none. */
  first = 1

  get last(): number {
    return this.first + this.length - 1
  }

  get length(): number {
    return this.#rows.length - this.#head
  }

  push(row: Row): void {
    this.#rows.push(row)
    this.bytes += rowBytes(row)
  }

  at(seq: number): Row | undefined {
    return seq < this.first ? undefined : this.#rows[this.#head + seq - this.first]
  }

  shift(): Row | undefined {
    const row = this.#rows[this.#head]
    if (row === undefined) return undefined
    this.#rows[this.#head++] = undefined
    this.first++
    this.bytes -= rowBytes(row)
    // Moving the rest down once per doubling costs less than a shift per row.
    if (this.#head > 1024 && this.#head * 2 > this.#rows.length) {
      this.#rows = this.#rows.slice(this.#head)
      this.#head = 0
    }
    return row
  }
}
