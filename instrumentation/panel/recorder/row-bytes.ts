import type { Row } from '../../model/codec.ts'

/** A row's size in memory, estimated on the high side: the array, its numbers and its strings. */
export function rowBytes(row: Row): number {
  let bytes = ARRAY
  for (let column = 0; column < row.length; column++) bytes += valueBytes(row[column])
  return bytes
}

const ARRAY = 32
const SLOT = 8
const STRING = 16

function valueBytes(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? SLOT : SLOT + 16
    case 'string':
      return SLOT + STRING + value.length
    case 'object': {
      if (value === null) return SLOT
      let bytes = SLOT + ARRAY
      for (const part of Object.values(value)) bytes += valueBytes(part)
      return bytes
    }
    default:
      return SLOT
  }
}
