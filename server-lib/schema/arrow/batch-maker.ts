import { EnginelightError } from '../../channels/errors.ts'
import type { Arrow, RecordBatch, Schema } from './arrow-library.ts'
import { DEFAULT_BATCH_ROWS, type ArrowOptions } from './arrow-options.ts'
import { readColumn, type ReadColumn } from './column-types.ts'
import type { Described } from './user-types.ts'
import { Unrepresentable } from './columns/column.ts'
import type { UserTypes } from './user-types.ts'

/** A batch is closed at this many bytes on the wire. */
const BATCH_BYTES = 16 << 20

/** Makes record batches of the rows of one result. */
export class BatchMaker {
  readonly schema: Schema
  readonly columns: readonly ReadColumn[]
  readonly #arrow: Arrow
  readonly #names: readonly string[]
  readonly #batchRows: number
  /** Rows in the current batch. */
  rows = 0
  /** Batches taken so far. */
  batches = 0
  #bytes = 0

  /** Throws EL_CONFIG if an option names an unknown column, or does not apply to it. */
  constructor(arrow: Arrow, described: readonly Described[], options: ArrowOptions, types: UserTypes) {
    this.#arrow = arrow
    this.#names = described.map(({ name }) => name)
    const { dictionary = [], dimensions = {} } = options
    const named = [
      ...dictionary.map(name => ['dictionary', name] as const),
      ...Object.keys(dimensions).map(name => ['dimensions', name] as const),
    ]
    for (const [option, name] of named)
      if (!this.#names.includes(name)) throw noColumn(option, name, this.#names)
    this.columns = described.map(column => readColumn(arrow, column, options, types))
    this.schema = new arrow.Schema(
      this.columns.map(
        ({ column }, index) => new arrow.Field(this.#names[index] as string, column.type, true),
      ),
    )
    for (const [option, name] of named) {
      const found = this.schema.fields.filter(field => field.name === name)
      const fits = option === 'dictionary' ? arrow.DataType.isDictionary : arrow.DataType.isList
      if (!found.some(({ type }) => fits(type))) throw unfit(option, found.join(', '))
    }
    this.#batchRows = options.batchRows ?? DEFAULT_BATCH_ROWS
  }

  /** Reads a row off the wire; returns the batch if this row fills it. Throws EL_ARROW_VALUE. */
  row(bytes: Buffer, at: number): RecordBatch | undefined {
    const { columns } = this
    let next = at + 2
    for (let index = 0; index < columns.length; index++) {
      const { column } = columns[index] as ReadColumn
      const length =
        ((bytes[next] as number) << 24) |
        ((bytes[next + 1] as number) << 16) |
        ((bytes[next + 2] as number) << 8) |
        (bytes[next + 3] as number)
      next += 4
      if (length < 0) {
        column.addNull()
        continue
      }
      try {
        column.add(bytes, next, length)
      } catch (error) {
        throw this.#unrepresentable(error, index)
      }
      next += length
    }
    this.rows++
    this.#bytes += next - at
    return this.rows === this.#batchRows || this.#bytes >= BATCH_BYTES ? this.take() : undefined
  }

  /** What has come since the last batch. */
  take(): RecordBatch {
    const arrow = this.#arrow
    const children = this.columns.map(({ column }) => column.take(arrow))
    const type = new arrow.Struct(this.schema.fields)
    const data = arrow.makeData({ type, length: this.rows, nullCount: 0, children })
    this.rows = 0
    this.#bytes = 0
    this.batches++
    return new arrow.RecordBatch(this.schema, data)
  }

  #unrepresentable(error: unknown, index: number): unknown {
    if (!(error instanceof Unrepresentable)) return error
    return new EnginelightError(
      'EL_ARROW_VALUE',
      `Column "${this.#names[index]}" has ${error.message}; ${error.remedy}.`,
      { column: this.#names[index] as string },
    )
  }
}

function noColumn(option: string, name: string, known: readonly string[]): EnginelightError {
  return new EnginelightError(
    'EL_CONFIG',
    `The option ${option} names the column "${name}", which the result does not have; it has ${known.map(one => `"${one}"`).join(', ')}.`,
    { option, known },
  )
}

const WANTED = { dictionary: 'columns of text', dimensions: 'arrays' }

function unfit(option: keyof typeof WANTED, fields: string): EnginelightError {
  return new EnginelightError(
    'EL_CONFIG',
    `The option ${option} is for ${WANTED[option]}, and names the column ${fields}.`,
    { option },
  )
}
