import type { Arrow, Data, DataType } from '../arrow-library.ts'
import { AS_TEXT, Unrepresentable, type Column } from './column.ts'
import { Offsets } from './offsets.ts'
import { Validity } from './validity.ts'

/** One dimension of an array: lists of the next level's lists, or of values. */
class Level {
  readonly type: DataType
  readonly inner: Level | Column
  readonly #offsets = new Offsets()
  readonly #valid = new Validity()

  constructor(type: DataType, inner: Level | Column) {
    this.type = type
    this.inner = inner
  }

  get length(): number {
    return this.#offsets.length
  }

  /** Ends a list: it holds everything that was added to `inner` since the last one. */
  close(): void {
    this.#valid.add(this.length)
    this.#offsets.add(this.inner.length)
  }

  addNull(): void {
    this.#valid.addNull(this.length)
    this.#offsets.add(this.inner.length)
  }

  take(arrow: Arrow): Data {
    const { length, type } = this
    const child = this.inner.take(arrow)
    const valueOffsets = this.#offsets.take()
    return arrow.makeData({ type, length, ...this.#valid.take(length), valueOffsets, child } as never)
  }
}

/**
 * PostgreSQL's arrays, all with the same number of dimensions, which is part of Arrow's type but not of PostgreSQL's.
 */
export class ListColumn implements Column {
  readonly type: DataType
  readonly #outer: Level
  readonly #values: Column
  readonly #levels: readonly Level[]
  /** Where the next element begins in the bytes. */
  #at = 0

  /** `types` are the types of the levels, the outer one first. */
  constructor(types: readonly DataType[], values: Column) {
    this.#values = values
    let level: Level | Column = values
    const levels: Level[] = []
    for (const type of types.toReversed()) levels.unshift((level = new Level(type, level)))
    this.#levels = levels
    this.#outer = level as Level
    this.type = level.type
  }

  get length(): number {
    return this.#outer.length
  }

  add(bytes: Buffer, at: number): void {
    const dimensions = bytes.readInt32BE(at)
    // An empty array has no dimensions.
    if (dimensions === 0) return this.#outer.close()
    if (dimensions !== this.#levels.length) {
      const expected = this.#levels.length
      throw new Unrepresentable(
        `an array of ${dimensions} dimensions where ${expected} ${expected === 1 ? 'is' : 'are'} expected`,
        `say how many they are with the option \`dimensions\`, or ${AS_TEXT}`,
      )
    }
    this.#at = at + 12 + 8 * dimensions
    this.#fill(bytes, at + 12, 0)
  }

  /**
   * First come the number of dimensions, a flag and the element type; then the size and lower bound of each dimension.
   */
  #fill(bytes: Buffer, sizesAt: number, depth: number): void {
    const size = bytes.readInt32BE(sizesAt + 8 * depth)
    const isInnermost = depth === this.#levels.length - 1
    for (let index = 0; index < size; index++) {
      if (isInnermost) this.#element(bytes)
      else this.#fill(bytes, sizesAt, depth + 1)
    }
    ;(this.#levels[depth] as Level).close()
  }

  #element(bytes: Buffer): void {
    const length = bytes.readInt32BE(this.#at)
    this.#at += 4
    if (length < 0) return this.#values.addNull()
    this.#values.add(bytes, this.#at, length)
    this.#at += length
  }

  addNull(): void {
    this.#outer.addNull()
  }

  take(arrow: Arrow): Data {
    return this.#outer.take(arrow)
  }
}
