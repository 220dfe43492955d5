import { SqlScanner } from '../../server-lib/dialect/scan-sql.ts'
import { POSTGRES } from '../../server-lib/postgres/grammar.ts'

/** The tables that a statement names, as far as its words tell: a view, a function or a trigger may touch others. */
export interface SqlTables {
  /** Its first word that does something: `UPDATE`; null for a text without words. */
  readonly verb: string | null
  readonly reads: ReadonlySet<string>
  readonly writes: ReadonlySet<string>
}

/** In characters. */
const LONGEST_READ = 8_192
const LONGEST_REMEMBERED = 2_000
const TEXTS = 1_000
/** What a table's name may stand behind, besides FROM and JOIN. */
const WRITES = new Set(['INTO', 'UPDATE', 'TRUNCATE', 'COPY'])
const BETWEEN = new Set(['ONLY', 'LATERAL', 'TABLE', 'IF', 'NOT', 'EXISTS'])
/** What ends a list of tables in a FROM. */
const ENDS = new Set(
  'WHERE,GROUP,ORDER,LIMIT,OFFSET,HAVING,UNION,EXCEPT,INTERSECT,RETURNING,WINDOW,FETCH,FOR,SET,VALUES,SELECT,USING'.split(
    ',',
  ),
)

const known = new Map<string, SqlTables>()

/** One pass over the text; remembered, because a process sends the same ones again and again. */
export function tablesOf(text: string): SqlTables {
  const before = known.get(text)
  if (before) return before
  const tables = read(text.slice(0, LONGEST_READ))
  if (text.length > LONGEST_REMEMBERED) return tables
  if (known.size >= TEXTS) known.clear()
  known.set(text, tables)
  return tables
}

function read(text: string): SqlTables {
  const scanner = new SqlScanner(text, POSTGRES)
  const reads = new Set<string>()
  const writes = new Set<string>()
  /** Names of `WITH name AS (…)`. */
  const own = new Set<string>()
  let verb: string | null = null
  let isWith = false
  /** Where the next name goes. */
  let next: Set<string> | null = null
  /** How deep in parentheses a list of tables stands, each after a comma; -1 outside of one. */
  let list = -1
  let depth = 0
  let before = ''
  let name: string | null = null
  while (scanner.next()) {
    if (scanner.kind === 'comment') continue
    const raw = scanner.text
    const isName = scanner.kind === 'word' || scanner.kind === 'name'
    const word = scanner.kind === 'word' ? raw.toUpperCase() : raw
    if (raw === '(') {
      depth++
      // A query in parentheses, or a function: no table by itself.
      if (next) next = null
    } else if (raw === ')') {
      depth--
      if (depth < list) list = -1
    } else if (raw === ',' && list === depth) next = reads
    else if (scanner.kind === 'word' && word === 'AS' && isWith && name !== null && depth === 0) own.add(name)
    else if (scanner.kind === 'word' && (word === 'FROM' || word === 'JOIN')) {
      next = word === 'FROM' && before === 'DELETE' ? writes : reads
      if (word === 'FROM') list = depth
    } else if (
      scanner.kind === 'word' &&
      WRITES.has(word) &&
      !(word === 'UPDATE' && (before === 'FOR' || before === 'DO' || before === 'KEY'))
    ) {
      next = writes
      verb ??= word === 'INTO' ? 'INSERT' : word
    } else if (next && isName && !(scanner.kind === 'word' && BETWEEN.has(word))) {
      const table =
        scanner.kind === 'name' ? raw.slice(1, raw.endsWith('"') ? -1 : undefined) : raw.toLowerCase()
      // Of `schema.table`, the last part.
      const rest = text.charCodeAt(scanner.end) === 46
      if (!rest) {
        next.add(table)
        next = null
      }
    } else if (scanner.kind === 'word' && ENDS.has(word) && list === depth) list = -1
    if (scanner.kind === 'word') {
      if (word === 'WITH' && verb === null) isWith = true
      else if (verb === null && !isWith) verb = word
      else if (verb === null && depth === 0 && /^(SELECT|INSERT|UPDATE|DELETE|MERGE)$/.test(word)) verb = word
    }
    if (isName) name = scanner.kind === 'name' ? raw.slice(1, -1) : raw.toLowerCase()
    before = word
  }
  for (const table of own) {
    reads.delete(table)
    writes.delete(table)
  }
  return { verb, reads, writes }
}
