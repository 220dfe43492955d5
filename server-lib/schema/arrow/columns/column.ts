import type { Arrow, Data, DataType } from '../arrow-library.ts'
import { Validity } from './validity.ts'

/** One column of the batch that is being filled, straight from the bytes of the wire. */
export interface Column {
  readonly type: DataType
  /** How many values it has, nulls included. */
  readonly length: number
  /** Takes the value that stands in `bytes` at this place. Throws Unrepresentable. */
  add(bytes: Buffer, at: number, length: number): void
  addNull(): void
  /** What was added since the last time, as Arrow's data; the column is empty then. */
  take(arrow: Arrow): Data
}

/** A value that its column's Arrow type cannot say exactly: what it is (never the value), and what would help. */
export class Unrepresentable extends Error {
  readonly remedy: string

  constructor(what: string, remedy: string) {
    super(what)
    this.remedy = remedy
  }
}

export const AS_TEXT = 'cast it to text in the query'

/** Values in how many rows a column is made for at first. It grows by doubling, up to what a batch can hold. */
export const FIRST_ROWS = 1024

type Words = Int16Array<ArrayBuffer> | Int32Array<ArrayBuffer>

/** Reads one value off the wire and writes it, as words in the machine's order, at an index of `out`. */
export type WriteWords = (out: Words, index: number, bytes: Buffer, at: number, length: number) => void

/** What there is to know of a type whose values all have one size. */
export interface FixedType {
  readonly type: DataType
  readonly write: WriteWords
  /** The words that a value is written in, and how many of them. */
  readonly words: typeof Int16Array | typeof Int32Array
  readonly stride: number
  /** What Arrow reads them as. */
  readonly values: new (buffer: ArrayBuffer) => ArrayBufferView
}

export class FixedColumn implements Column {
  readonly type: DataType
  readonly #fixed: FixedType
  readonly #write: WriteWords
  readonly #stride: number
  readonly #valid = new Validity()
  #words: Words
  #capacity = FIRST_ROWS
  length = 0

  constructor(fixed: FixedType) {
    this.type = fixed.type
    this.#fixed = fixed
    this.#write = fixed.write
    this.#stride = fixed.stride
    this.#words = new fixed.words(FIRST_ROWS * fixed.stride)
  }

  add(bytes: Buffer, at: number, length: number): void {
    if (this.length === this.#capacity) this.#grow()
    this.#write(this.#words, this.length * this.#stride, bytes, at, length)
    this.#valid.add(this.length++)
  }

  addNull(): void {
    if (this.length === this.#capacity) this.#grow()
    this.#valid.addNull(this.length++)
  }

  #grow(): void {
    const words = new this.#fixed.words((this.#capacity *= 2) * this.#stride)
    words.set(this.#words)
    this.#words = words
  }

  take(arrow: Arrow): Data {
    const { length, type } = this
    // A copy of its exact size, so that the large one serves the next batch.
    const { buffer } = this.#words.slice(0, length * this.#stride)
    this.#words.fill(0, 0, length * this.#stride)
    this.length = 0
    return arrow.makeData({
      type,
      length,
      ...this.#valid.take(length),
      data: new this.#fixed.values(buffer),
    } as never)
  }
}
