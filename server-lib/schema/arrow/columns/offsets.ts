import { FIRST_ROWS } from './column.ts'

/** Where each value of a column of varying length ends, in Arrow's form: the first one begins at 0. */
export class Offsets {
  #ends = new Int32Array(FIRST_ROWS + 1)
  length = 0

  add(end: number): void {
    const at = ++this.length
    if (at === this.#ends.length) {
      const ends = new Int32Array(2 * at)
      ends.set(this.#ends)
      this.#ends = ends
    }
    this.#ends[at] = end
  }

  take(): Int32Array {
    const taken = this.#ends.slice(0, this.length + 1)
    this.length = 0
    return taken
  }
}
