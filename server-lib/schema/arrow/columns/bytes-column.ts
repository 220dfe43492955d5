import type { Arrow, Data, DataType } from '../arrow-library.ts'
import type { Column } from './column.ts'
import { Offsets } from './offsets.ts'
import { Validity } from './validity.ts'

/** Up to this many bytes a loop is faster than a call of `copy`. */
const SHORT = 24

/** Rewrites a value's wire bytes: the text of a uuid. */
export type Rewrite = (bytes: Buffer, at: number, length: number) => Buffer

/** Texts and byte strings, one after the other, as they came. */
export class BytesColumn implements Column {
  readonly type: DataType
  readonly #rewrite: Rewrite | undefined
  readonly #valid = new Validity()
  readonly #offsets = new Offsets()
  #bytes = Buffer.allocUnsafeSlow(4096)
  #end = 0

  constructor(type: DataType, rewrite?: Rewrite) {
    this.type = type
    this.#rewrite = rewrite
  }

  get length(): number {
    return this.#offsets.length
  }

  add(bytes: Buffer, at: number, length: number): void {
    if (this.#rewrite) {
      const value = this.#rewrite(bytes, at, length)
      this.#add(value, 0, value.length)
    } else this.#add(bytes, at, length)
  }

  #add(bytes: Buffer, at: number, length: number): void {
    const end = this.#end + length
    if (end > this.#bytes.length) this.#grow(end)
    const out = this.#bytes
    if (length <= SHORT) {
      for (let index = this.#end, from = at; index < end;) out[index++] = bytes[from++] as number
    } else bytes.copy(out, this.#end, at, at + length)
    this.#end = end
    this.#valid.add(this.#offsets.length)
    this.#offsets.add(end)
  }

  addNull(): void {
    this.#valid.addNull(this.#offsets.length)
    this.#offsets.add(this.#end)
  }

  #grow(needed: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(bytes, 0, 0, this.#end)
    this.#bytes = bytes
  }

  take(arrow: Arrow): Data {
    const { length, type } = this
    const data = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#end)
    this.#end = 0
    const valueOffsets = this.#offsets.take()
    return arrow.makeData({ type, length, ...this.#valid.take(length), valueOffsets, data } as never)
  }
}
