import { SqlScanner } from '../../../server-lib/dialect/scan-sql.ts'
import { POSTGRES } from '../../../server-lib/postgres/grammar.ts'

/** A piece of SQL that can matter to a summary. */
export interface SqlWord {
  kind: 'word' | 'quoted' | 'punctuation'
  text: string
}

/**
 * The words, names in quotes and punctuation of a text, in order. Literals, comments and parameters are left out. One
 * that does not end hides the rest, so that a piece of a literal is never taken for a name.
 */
export function* sqlWords(text: string): Generator<SqlWord> {
  const scanner = new SqlScanner(text, POSTGRES)
  while (scanner.next()) {
    const { kind, end } = scanner
    if (kind === 'name') {
      if (!scanner.isOpen) yield { kind: 'quoted', text: scanner.text }
    } else if (kind === 'sign') yield { kind: 'punctuation', text: scanner.text }
    else if (kind === 'word') {
      // U&"…" is a name, whose escapes are not read.
      if (text.startsWith('&"', end) && /^u$/i.test(scanner.text)) scanner.next()
      else yield { kind: 'word', text: scanner.text }
    }
  }
}
