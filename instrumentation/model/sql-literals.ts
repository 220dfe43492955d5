import { SqlScanner } from '../../server-lib/dialect/scan-sql.ts'
import { POSTGRES } from '../../server-lib/postgres/grammar.ts'

/** In characters. What is behind is not compared. */
const LONGEST_READ = 65_536

/** The literals in a text, in their order: what its shown form leaves out, comments aside. */
export function literalsOf(text: string): string[] {
  const literals: string[] = []
  const scanner = new SqlScanner(text.slice(0, LONGEST_READ), POSTGRES)
  while (scanner.next()) {
    const { kind } = scanner
    if (kind === 'string' || kind === 'number' || kind === 'unsure') literals.push(scanner.text)
  }
  return literals
}
