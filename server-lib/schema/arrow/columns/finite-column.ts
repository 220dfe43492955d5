import type { Arrow, Data, DataType } from '../arrow-library.ts'
import { AS_TEXT, Unrepresentable, type Column } from './column.ts'
import type { OnInfinity } from './words.ts'

/** A column of dates or times, which can be infinite in PostgreSQL but not in Arrow. */
export class FiniteColumn implements Column {
  readonly #column: Column
  readonly #isInfinite: (bytes: Buffer, at: number) => boolean
  readonly #infinity: OnInfinity

  constructor(column: Column, isInfinite: (bytes: Buffer, at: number) => boolean, infinity: OnInfinity) {
    this.#column = column
    this.#isInfinite = isInfinite
    this.#infinity = infinity
  }

  get type(): DataType {
    return this.#column.type
  }

  get length(): number {
    return this.#column.length
  }

  add(bytes: Buffer, at: number, length: number): void {
    if (!this.#isInfinite(bytes, at)) return this.#column.add(bytes, at, length)
    if (this.#infinity === 'error')
      throw new Unrepresentable(
        'infinity, which Arrow cannot say',
        `pass { infinity: 'null' }, or ${AS_TEXT}`,
      )
    this.#column.addNull()
  }

  addNull(): void {
    this.#column.addNull()
  }

  take(arrow: Arrow): Data {
    return this.#column.take(arrow)
  }
}
