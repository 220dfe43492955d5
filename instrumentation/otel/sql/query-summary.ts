import { sqlWords, type SqlWord } from './sql-words.ts'

const LONGEST_SUMMARY = 255
/** After this a table is rare, and a bulk insert of a megabyte must not be read to its end. */
const CHARACTERS_READ = 8_192

/** Statements defined by their first words: the operation, words to skip, and then the target. */
const ONE_TARGET = new Set([
  'create',
  'alter',
  'drop',
  'truncate',
  'copy',
  'call',
  'refresh',
  'reindex',
  'cluster',
])
const NO_TARGET = new Set(
  'vacuum analyze comment grant revoke set reset show listen unlisten notify lock declare fetch move close discard do deallocate execute prepare checkpoint load reassign security import values explain begin start commit end rollback abort savepoint release'.split(
    ' ',
  ),
)
const OBJECT_KINDS = new Set(
  'access aggregate cast collation concurrently constraint conversion data database default domain event exists extension family foreign function global group if index language local mapping materialized method not operator or only policy procedural procedure publication replace role routine rule schema search sequence server statistics subscription table tablespace template temp temporary text transform trigger trusted type unique unlogged user view wrapper'.split(
    ' ',
  ),
)
/**
 * After one of these, UPDATE, INSERT or DELETE is not an operation: FOR UPDATE, DO UPDATE, ON DELETE, WHEN … THEN
 * UPDATE.
 */
const NOT_AN_OPERATION_AFTER = new Set(['for', 'key', 'do', 'on', 'then', 'before', 'after', 'or', 'of'])
/** Words that may follow a table in a list of tables without being its alias. */
const ENDS_TABLES = new Set(
  'where group order having limit offset fetch for union intersect except window set values returning select default overriding when'.split(
    ' ',
  ),
)
const JOINS = new Set(['join'])

/** The state of a pair of parentheses: whether a statement began in it, and whether a table is expected next. */
interface Level {
  operation: string | null
  expecting: 'table' | 'comma or clause' | 'nothing'
  /**
   * FROM was seen: any further FROM at this level does not begin a list of tables (`extract(… from …)` has its own
   * level).
   */
  from: boolean
}

/**
 * `{operation} {target} {target} {operation} …` as written, at most 255 characters: `SELECT orders customers`,
 * `INSERT orders SELECT cart`. Consists of known operations and of names in a table's place; literals cannot get into
 * it. Undefined if the text does not begin with a known word.
 */
export function querySummary(text: string): string | undefined {
  const parts = new SummaryParts()
  const words = [...sqlWords(text.slice(0, CHARACTERS_READ))]
  const levels: Level[] = [newLevel()]
  const withs = new Set<string>()
  let previous = ''

  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const level = levels.at(-1)!
    const lower = word.kind === 'word' ? word.text.toLowerCase() : word.text
    if (word.kind === 'punctuation') {
      if (lower === '(') {
        if (level.expecting === 'table') level.expecting = 'comma or clause'
        levels.push(newLevel())
      } else if (lower === ')') {
        if (levels.length > 1) levels.pop()
      } else if (lower === ',') {
        if (level.expecting === 'comma or clause' && level.from) level.expecting = 'table'
      } else if (lower === ';') {
        levels.splice(0, levels.length, newLevel())
      }
    } else if (level.expecting === 'table' && !(word.kind === 'word' && isTablePrefix(lower))) {
      const name = readName(words, at)
      at = name.end
      level.expecting = 'comma or clause'
      const isFunction = words[at + 1]?.text === '(' && level.from
      if (!isFunction && !withs.has(name.text.toLowerCase())) parts.add(name.text)
    } else if (word.kind === 'word' && previous !== '.') {
      if (isOperation(lower) && !NOT_AN_OPERATION_AFTER.has(previous)) {
        level.operation = lower
        level.from = false
        level.expecting = lower === 'update' ? 'table' : 'nothing'
        parts.add(word.text)
      } else if (lower === 'with' && level.operation === null) {
        readWithNames(words, at, withs)
      } else if (level.operation === null && levels.length === 1 && parts.isEmpty) {
        if (NO_TARGET.has(lower)) return word.text
        if (ONE_TARGET.has(lower)) return definition(words, at)
        if (lower !== 'recursive' && !withs.size) return undefined
      } else if (lower === 'from' && level.operation !== null && !level.from && previous !== 'distinct') {
        level.from = true
        level.expecting = 'table'
      } else if (lower === 'into' && (level.operation === 'insert' || level.operation === 'merge')) {
        level.expecting = 'table'
      } else if (lower === 'using' && (level.operation === 'delete' || level.operation === 'merge')) {
        level.from = true
        level.expecting = 'table'
      } else if (JOINS.has(lower) && level.from) {
        level.expecting = 'table'
      } else if (ENDS_TABLES.has(lower)) {
        level.expecting = 'nothing'
      }
    }
    previous = lower
  }
  return parts.toString()
}

function newLevel(): Level {
  return { operation: null, expecting: 'nothing', from: false }
}

function isOperation(word: string): boolean {
  return word === 'select' || word === 'insert' || word === 'update' || word === 'delete' || word === 'merge'
}

function isTablePrefix(word: string): boolean {
  return word === 'only' || word === 'lateral' || word === 'table' || word === 'select'
}

/** The names that WITH defines, which are not tables: `a as (`, `, b (x, y) as (`. */
function readWithNames(words: readonly SqlWord[], from: number, names: Set<string>): void {
  let depth = 0
  for (let at = from + 1; at < words.length; at++) {
    const { kind, text } = words[at]!
    const lower = text.toLowerCase()
    if (text === '(') depth += 1
    else if (text === ')') depth -= 1
    else if (depth > 0 || kind === 'punctuation') continue
    else if (kind === 'word' && isOperation(lower)) return
    else if (lower !== 'recursive' && lower !== 'as' && lower !== 'materialized' && lower !== 'not') {
      names.add(plain(text).toLowerCase())
    }
  }
}

/** `CREATE INDEX` and the like: the operation, the kind of object, and its name. */
function definition(words: readonly SqlWord[], at: number): string {
  const parts = new SummaryParts()
  parts.add(words[at]!.text)
  for (let next = at + 1; next < words.length; next++) {
    const { kind, text } = words[next]!
    if (kind === 'word' && OBJECT_KINDS.has(text.toLowerCase())) {
      if (!/^(if|not|exists|or|replace|only|concurrently)$/i.test(text)) parts.add(text)
    } else {
      if (kind !== 'punctuation') parts.add(readName(words, next).text)
      break
    }
  }
  return parts.toString()!
}

/** Reads `schema.table`; `end` is the index of its last word. */
function readName(words: readonly SqlWord[], at: number): { text: string; end: number } {
  let text = plain(words[at]!.text)
  let end = at
  while (words[end + 1]?.text === '.' && words[end + 2] && words[end + 2]!.kind !== 'punctuation') {
    text += `.${plain(words[end + 2]!.text)}`
    end += 2
  }
  return { text, end }
}

/** Removes quotes that change nothing. */
function plain(name: string): string {
  return /^"[a-z_][a-z0-9_]*"$/.test(name) ? name.slice(1, -1) : name
}

class SummaryParts {
  #text = ''
  #full = false

  get isEmpty(): boolean {
    return this.#text === ''
  }

  /** Whole words only: a part that does not fit is left out, with all that follow. */
  add(part: string): void {
    if (this.#full) return
    const longer = this.#text === '' ? part : `${this.#text} ${part}`
    if (longer.length > LONGEST_SUMMARY) this.#full = true
    else this.#text = longer
  }

  toString(): string | undefined {
    return this.#text === '' ? undefined : this.#text
  }
}
