import type { IndexKey } from '../table.ts'

/** An index key that the models have as SQL, which may include its operator class and its order. */
export function expressionKey(sql: string): IndexKey {
  let expression = sql.trimEnd()
  // Read from the end, a word at a time.
  const nulls = lastWord(expression, /^(?:first|last)$/i)
  const beforeNulls = nulls && lastWord(nulls.before, /^nulls$/i)
  if (beforeNulls) expression = beforeNulls.before
  const direction = lastWord(expression, /^(?:asc|desc)$/i)
  if (direction) expression = direction.before
  const operatorClass = lastWord(expression, /^\w+_ops$/i)
  const isClass = operatorClass !== undefined && /[)"'\w]$/.test(operatorClass.before)
  if (isClass) expression = operatorClass.before
  return {
    column: null,
    expression,
    operatorClass: isClass ? operatorClass.word : null,
    ...keyOrder(direction?.word, beforeNulls && nulls?.word),
  }
}

/** The last word of a text, if it matches and a blank precedes it. */
function lastWord(text: string, is: RegExp): { word: string; before: string } | undefined {
  let start = text.length
  while (start > 0 && /\w/.test(text[start - 1]!)) start--
  const before = text.slice(0, start).trimEnd()
  const word = text.slice(start)
  return before.length < start && is.test(word) ? { word, before } : undefined
}

/** Where nothing is said about nulls, they count as larger than everything: last, or first in a descending order. */
export function keyOrder(
  direction: string | undefined,
  nulls: string | undefined,
): Pick<IndexKey, 'descending' | 'nullsFirst'> {
  const descending = direction?.toLowerCase() === 'desc'
  return { descending, nullsFirst: nulls === undefined ? descending : nulls.toLowerCase() === 'first' }
}
