import { SqlScanner, type SqlKind } from '../../server-lib/dialect/scan-sql.ts'
import { POSTGRES } from '../../server-lib/postgres/grammar.ts'

export interface SqlToken {
  readonly type: 'keyword' | 'name' | 'literal' | 'parameter' | 'comment' | 'elided' | 'plain'
  readonly text: string
}

const KEYWORDS = new Set(
  `select from where and or not in is null join left right inner outer full cross on as order by group having limit offset
  insert into values update set delete returning begin commit rollback savepoint release to transaction prepare prepared with
  recursive union all distinct exists case when then else end for share nowait skip locked create table alter drop index
  conflict do nothing using asc desc between like ilike true false read only write isolation level serializable committed repeatable
  declare cursor fetch close analyze explain lateral window over partition cast default`.split(/\s+/),
)

/** A statement's text in pieces to colour: tokens, never markup. Long texts are cut, for a list has no use for them. */
export function sqlTokens(text: string, limit = 4000): SqlToken[] {
  const tokens: SqlToken[] = []
  const read = text.slice(0, limit)
  const scanner = new SqlScanner(read, POSTGRES)
  let end = 0
  while (scanner.next()) {
    if (scanner.start > end) tokens.push({ type: 'plain', text: read.slice(end, scanner.start) })
    tokens.push({ type: typeOf(scanner.kind, scanner.text), text: scanner.text })
    end = scanner.end
  }
  if (end < read.length) tokens.push({ type: 'plain', text: read.slice(end) })
  if (text.length > limit) tokens.push({ type: 'elided', text: ' …' })
  return tokens
}

const TYPES: Readonly<Record<SqlKind, SqlToken['type']>> = {
  word: 'name',
  name: 'name',
  string: 'literal',
  unsure: 'literal',
  number: 'literal',
  parameter: 'parameter',
  sign: 'plain',
  comment: 'comment',
}

/** To the scanner a word. */
const ELIDED = '•••'

function typeOf(kind: SqlKind, text: string): SqlToken['type'] {
  if (kind === 'word' && KEYWORDS.has(text.toLowerCase())) return 'keyword'
  if (text === '?') return 'parameter'
  return text === ELIDED ? 'elided' : TYPES[kind]
}

/** The same on one line, with the lists that hide the table's name (select list, column list) as `•••`. */
export function elidedSqlTokens(text: string): SqlToken[] {
  const oneLine = text.slice(0, LONGEST_READ).replace(/\s+/g, ' ').trim()
  return sqlTokens(elideColumns(elideSelectList(oneLine)), 600)
}

const SHORT = 12
/** In characters: more than a process sends of a statement. */
const LONGEST_READ = 8_192

function elideSelectList(text: string): string {
  const select = /\bselect /i.exec(text)
  if (!select) return text
  const list = select.index + select[0].length
  const from = text.slice(list + 1).search(/ from /i) + list + 1
  return from - list <= SHORT ? text : `${text.slice(0, list)}${ELIDED}${text.slice(from)}`
}

function elideColumns(text: string): string {
  return text.replace(/^(insert into \S+ \()([^)]+)\)/i, (whole, head: string, columns: string) =>
    columns.length <= SHORT ? whole : `${head}${ELIDED})`,
  )
}
