import type { Arrow, Data, DataType, Vector } from '../arrow-library.ts'
import { BytesColumn } from './bytes-column.ts'
import { FIRST_ROWS, type Column } from './column.ts'
import { Validity } from './validity.ts'

/**
 * Texts, with each distinct one kept once. The dictionary grows over all batches in chunks, and earlier chunks never
 * change: so Arrow's writer sends only what is new.
 */
export class DictionaryColumn implements Column {
  readonly type: DataType
  readonly #valid = new Validity()
  readonly #indexes = new Map<string, number>()
  readonly #fresh: BytesColumn
  readonly #pieces: Data[] = []
  #keys = new Int32Array(FIRST_ROWS)
  length = 0

  constructor(type: DataType, text: DataType) {
    this.type = type
    this.#fresh = new BytesColumn(text)
  }

  add(bytes: Buffer, at: number, length: number): void {
    // One character for each byte: distinct texts have distinct keys, and nothing is decoded.
    const key = bytes.toString('latin1', at, at + length)
    let index = this.#indexes.get(key)
    if (index === undefined) {
      this.#indexes.set(key, (index = this.#indexes.size))
      this.#fresh.add(bytes, at, length)
    }
    this.#have()
    this.#keys[this.length] = index
    this.#valid.add(this.length++)
  }

  addNull(): void {
    this.#have()
    this.#keys[this.length] = 0
    this.#valid.addNull(this.length++)
  }

  #have(): void {
    if (this.length < this.#keys.length) return
    const keys = new Int32Array(2 * this.#keys.length)
    keys.set(this.#keys)
    this.#keys = keys
  }

  take(arrow: Arrow): Data {
    const { length, type } = this
    if (this.#fresh.length > 0 || this.#pieces.length === 0) this.#pieces.push(this.#fresh.take(arrow))
    const dictionary = new arrow.Vector([...this.#pieces]) as Vector
    const data = this.#keys.slice(0, length)
    this.length = 0
    return arrow.makeData({ type, length, ...this.#valid.take(length), data, dictionary } as never)
  }
}
