import { DataType, type Data, type Table, type Vector } from 'apache-arrow'

/** Each cell of a column as a text that says it exactly, read from the buffers where arrow's own `get` makes a double of it. */
export function cells(vector: Vector): Cell[] {
  return vector.data.flatMap(data => Array.from({ length: data.length }, (_, index) => cell(data, index)))
}

export type Cell = string | null | Cell[]

/** All columns, by their place: two may have one name. */
export const cellsOf = (table: Table): Cell[][] =>
  table.schema.fields.map((_, index) => cells(table.getChildAt(index) as Vector))

function cell(data: Data, index: number): Cell {
  if (!data.getValid(index)) return null
  const { type, values } = data as { type: DataType; values: ArrayLike<number | bigint> & Uint8Array }
  if (DataType.isList(type)) {
    const { valueOffsets, children } = data as Data & { valueOffsets: Int32Array }
    const [from = 0, to = 0] = valueOffsets.subarray(index, index + 2)
    return Array.from({ length: to - from }, (_, at) => cell(children[0] as Data, from + at))
  }
  if (DataType.isDictionary(type)) {
    const { dictionary } = data as unknown as { dictionary: Vector }
    return dictionary.get(Number(values[index])) as string
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    const { valueOffsets } = data as Data & { valueOffsets: Int32Array }
    const bytes = Buffer.from(values.subarray(valueOffsets[index], valueOffsets[index + 1]))
    return bytes.toString(DataType.isBinary(type) ? 'hex' : 'utf8')
  }
  if (DataType.isBool(type)) return String(((values[index >> 3] as number) >> (index & 7)) & 1)
  if (DataType.isDecimal(type)) return decimal(data, index, type.bitWidth / 32, type.scale)
  if (DataType.isInterval(type)) {
    const words = (data as unknown as { values: Int32Array }).values.slice(4 * index, 4 * index + 4)
    const nanoseconds = new BigInt64Array(words.buffer)[1] as bigint
    return `${words[0]} ${words[1]} ${nanoseconds / 1000n}`
  }
  if (DataType.isFloat(type)) {
    const size = values.BYTES_PER_ELEMENT
    return Buffer.from(
      Buffer.from(values.buffer, values.byteOffset + index * size, size).toReversed(),
    ).toString('hex')
  }
  return String(values[index])
}

function decimal(data: Data, index: number, words: number, scale: number): string {
  const values = (data as unknown as { values: Uint32Array }).values
  let value = 0n
  for (let word = words - 1; word >= 0; word--)
    value = (value << 32n) | BigInt(values[words * index + word] as number)
  value = BigInt.asIntN(32 * words, value)
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  const point = digits.length - scale
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
  return value < 0n ? `-${text}` : text
}
