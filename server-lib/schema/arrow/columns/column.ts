import type { Arrow, Data, DataType } from '../arrow-library.ts'
import { Validity } from './validity.ts'

/** One column of the current batch, filled straight from the bytes of the wire. */
export interface Column {
  readonly type: DataType
  /** How many values it has, nulls included. */
  readonly length: number
  /** Adds the value at this place in `bytes`. Throws Unrepresentable. */
  add(bytes: Buffer, at: number, length: number): void
  addNull(): void
  /** Returns what was added since the last call, as Arrow's data, and empties the column. */
  take(arrow: Arrow): Data
}

/**
 * A value that its column's Arrow type cannot represent exactly. Says what kind of value it is (never the value), and
 * what would help.
 */
export class Unrepresentable extends Error {
  readonly remedy: string

  constructor(what: string, remedy: string) {
    super(what)
    this.remedy = remedy
  }
}

export const AS_TEXT = 'cast it to text in the query'

/** For how many rows a column has room at first. It grows by doubling, up to what a batch can hold. */
export const FIRST_ROWS = 1024

type Words = Int16Array<ArrayBuffer> | Int32Array<ArrayBuffer>

/** Reads one value off the wire and writes it, as words in the machine's byte order, at an index of `out`. */
export type WriteWords = (out: Words, index: number, bytes: Buffer, at: number, length: number) => void

/** Describes a type whose values all have the same size. */
export interface FixedType {
  readonly type: DataType
  readonly write: WriteWords
  /** The word type in which values are written, and the number of words for each. */
  readonly words: typeof Int16Array | typeof Int32Array
  readonly stride: number
  /** The array type as which Arrow reads them. */
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
    // A copy of the exact size, so that the large buffer serves the next batch.
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
