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

const TOKEN =
  /(--[^\n]*|\/\*[\s\S]*?\*\/)|('(?:[^']|'')*')|("(?:[^"]|"")*")|(\$\d+|\?)|([a-z_][\w$]*)|(\d+(?:\.\d+)?)|(\s+|[^\s])/gi

/**
 * A statement's text in pieces to colour: tokens, never markup. Long texts are cut, because a list has no use for them.
 */
export function sqlTokens(text: string, limit = 4000): SqlToken[] {
  const tokens: SqlToken[] = []
  for (const match of text.slice(0, limit).matchAll(TOKEN)) {
    const [piece, comment, string, name, parameter, word, number] = match
    if (comment) tokens.push({ type: 'comment', text: piece })
    else if (string || number) tokens.push({ type: 'literal', text: piece })
    else if (name) tokens.push({ type: 'name', text: piece })
    else if (parameter) tokens.push({ type: 'parameter', text: piece })
    else if (word) tokens.push({ type: KEYWORDS.has(word.toLowerCase()) ? 'keyword' : 'name', text: piece })
    else tokens.push({ type: 'plain', text: piece })
  }
  if (text.length > limit) tokens.push({ type: 'elided', text: ' …' })
  return tokens
}

/** The same on one line, with the lists that would hide the table's name (select list, column list) as `•••`. */
export function elidedSqlTokens(text: string): SqlToken[] {
  const oneLine = text.slice(0, LONGEST_READ).replace(/\s+/g, ' ').trim()
  return sqlTokens(elideColumns(elideSelectList(oneLine)), 600).map(token =>
    token.text === '•' ? { type: 'elided', text: '•' } : token,
  )
}

const SHORT = 12
/** In characters: more than a process sends of a statement. */
const LONGEST_READ = 8_192

function elideSelectList(text: string): string {
  const select = /\bselect /i.exec(text)
  if (!select) return text
  const list = select.index + select[0].length
  const from = text.slice(list + 1).search(/ from /i) + list + 1
  return from - list <= SHORT ? text : `${text.slice(0, list)}•••${text.slice(from)}`
}

function elideColumns(text: string): string {
  return text.replace(/^(insert into \S+ \()([^)]+)\)/i, (whole, head: string, columns: string) =>
    columns.length <= SHORT ? whole : `${head}•••)`,
  )
}
