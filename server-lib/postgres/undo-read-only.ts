import { beginsWith, isOneStatement, statementHeads, type Token } from './statements.ts'

/** With what a statement begins that can let a transaction, or the ones after it, write. */
const FIRST = /(?:set|reset|discard|begin|start|commit|end|rollback|abort|prepare)\b/iy
const SETS_BY_FUNCTION = /set_config/i
const FUNCTION_CALL =
  /set_config"?\s*\(\s*(?:[eu]&?)?'(?:default_)?transaction_read_only'(?!\s*,\s*'(?:on|true|yes|1)')/i
const SETTING = /^(?:default_)?transaction_read_only$/i

/**
 * What in a text takes away that a transaction is read-only, or that the next ones are, in words to name it by; null where
 * nothing does. Together with the server it is the whole of it in a transaction: once a statement has taken a snapshot, which
 * all but the ones that are read here do before they run, PostgreSQL refuses to make its transaction writable, whatever calls.
 */
export function undoesReadOnly(text: string, values?: unknown): string | null {
  if (SETS_BY_FUNCTION.test(text) && (FUNCTION_CALL.test(text) || namesSetting(values))) return 'set_config()'
  if (isOneStatement(text) && !beginsWith(text, FIRST)) return null
  return (
    undoneBy(statementHeads(text, false)) ??
    (text.includes('\\') ? undoneBy(statementHeads(text, true)) : null)
  )
}

const namesSetting = (values: unknown): boolean =>
  Array.isArray(values) && values.some(value => typeof value === 'string' && SETTING.test(value))

function undoneBy(heads: readonly Token[][]): string | null {
  for (const [at, head] of heads.entries()) {
    const words = undoneByOne(head) ?? (at < heads.length - 1 ? endedBy(head) : null)
    if (words) return words
  }
  return null
}

/** What comes behind it in the same text would run in a transaction of its own. */
function endedBy(head: readonly Token[]): string | null {
  const [first, second] = head.map(({ value }) => value)
  switch (first) {
    case 'commit':
    case 'end':
    case 'abort':
      return first.toUpperCase()
    case 'rollback':
      return head.some(({ value }) => value === 'to') ? null : 'ROLLBACK'
    case 'prepare':
      return second === 'transaction' ? 'PREPARE TRANSACTION' : null
    default:
      return null
  }
}

function undoneByOne([first, ...rest]: readonly Token[]): string | null {
  if (first?.kind !== 'word') return null
  switch (first.value) {
    case 'begin':
    case 'start':
      return saysReadWrite(rest)
        ? `${first.value === 'begin' ? 'BEGIN' : 'START TRANSACTION'} READ WRITE`
        : null
    case 'set':
      return undoneBySet(rest)
    case 'reset':
      return isWord(rest[0], 'all') || isSetting(rest)
        ? `RESET ${isWord(rest[0], 'all') ? 'ALL' : nameOf(rest)}`
        : null
    case 'discard':
      return isWord(rest[0], 'all') ? 'DISCARD ALL' : null
    default:
      return null
  }
}

function undoneBySet(given: readonly Token[]): string | null {
  const isScoped = isWord(given[0], 'local') || isWord(given[0], 'session')
  const rest = isScoped ? given.slice(1) : given
  if (isWord(rest[0], 'transaction')) return saysReadWrite(rest) ? 'SET TRANSACTION READ WRITE' : null
  if (isWord(rest[0], 'characteristics'))
    return saysReadWrite(rest) ? 'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE' : null
  if (!isSetting(rest)) return null
  const [, , value] = rest
  return isWord(value, 'on') || isWord(value, 'true') || value?.value === '1' ? null : `SET ${nameOf(rest)}`
}

const isWord = (token: Token | undefined, word: string): boolean =>
  token?.kind === 'word' && token.value === word

const saysReadWrite = (tokens: readonly Token[]): boolean =>
  tokens.some((token, at) => isWord(token, 'read') && isWord(tokens[at + 1], 'write'))

/** Whether the setting is named here, or could be: a name with escapes is not read. */
const isSetting = ([name, next]: readonly Token[]): boolean =>
  name !== undefined && (SETTING.test(name.value) || (isWord(name, 'u') && next?.value === '&'))

const nameOf = ([name]: readonly Token[]): string =>
  name && SETTING.test(name.value) ? name.value.toLowerCase() : 'a name with escapes'
