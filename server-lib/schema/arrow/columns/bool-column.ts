import type { Arrow, Data, DataType } from '../arrow-library.ts'
import { FIRST_ROWS, type Column } from './column.ts'
import { Validity } from './validity.ts'

/** Booleans, one bit each. */
export class BoolColumn implements Column {
  readonly type: DataType
  readonly #valid = new Validity()
  #bits = new Uint8Array(FIRST_ROWS >> 3)
  length = 0

  constructor(type: DataType) {
    this.type = type
  }

  add(bytes: Buffer, at: number): void {
    this.#have()
    const index = this.length++
    if (bytes[at] !== 0) this.#bits[index >> 3] = (this.#bits[index >> 3] as number) | (1 << (index & 7))
    this.#valid.add(index)
  }

  addNull(): void {
    this.#have()
    this.#valid.addNull(this.length++)
  }

  #have(): void {
    if (this.length >> 3 < this.#bits.length) return
    const bits = new Uint8Array(this.#bits.length * 2)
    bits.set(this.#bits)
    this.#bits = bits
  }

  take(arrow: Arrow): Data {
    const { length, type } = this
    const data = this.#bits.slice(0, (length + 7) >> 3)
    this.#bits.fill(0)
    this.length = 0
    return arrow.makeData({ type, length, ...this.#valid.take(length), data } as never)
  }
}
