import type { IndexKey } from '../table.ts'

const KEY = /^([^]*?)(?:(?<=[)"'\w])\s+(\w+_ops))?(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?\s*$/i

/** A key of an index that the models have as SQL, in which its operator class and its order may be said as well. */
export function expressionKey(sql: string): IndexKey {
  const [, expression = sql, operatorClass = null, direction, nulls] = KEY.exec(sql) ?? []
  return { column: null, expression, operatorClass, ...keyOrder(direction, nulls) }
}

/** Where nothing is said of nulls they are larger than all else: last, and in a descending order first. */
export function keyOrder(
  direction: string | undefined,
  nulls: string | undefined,
): Pick<IndexKey, 'descending' | 'nullsFirst'> {
  const descending = direction?.toLowerCase() === 'desc'
  return { descending, nullsFirst: nulls === undefined ? descending : nulls.toLowerCase() === 'first' }
}
