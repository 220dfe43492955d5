import { SqlScanner } from '../../server-lib/dialect/scan-sql.ts'
import { POSTGRES } from '../../server-lib/postgres/grammar.ts'

/** In characters: more than a process sends of a statement. */
const LONGEST_READ = 8_192
const KNOWN = 4_000
const known = new Map<string, string>()

/**
 * The normal form of a statement's text: equal for statements that differ only in values, in blanks and comments, in the
 * case of words, or in the length of a list of values.
 */
export function fingerprintOf(text: string): string {
  const before = known.get(text)
  if (before !== undefined) return before
  const made = formOf(text)
  // Texts without number can pass through, of which few are seen twice.
  if (known.size >= KNOWN) known.clear()
  known.set(text, made)
  return made
}

function formOf(text: string): string {
  const scanner = new SqlScanner(text.slice(0, LONGEST_READ), POSTGRES)
  const tokens: string[] = []
  while (scanner.next()) {
    const token = normal(scanner)
    // A process shows a comment, and what it cut off, as `…`.
    if (token !== null && token !== '…') tokens.push(token)
    if (token === ')') foldList(tokens)
  }
  return tokens.join(' ')
}

function normal({ kind, text }: SqlScanner): string | null {
  switch (kind) {
    case 'comment':
      return null
    case 'word':
      return text.toLowerCase()
    case 'string':
    case 'unsure':
    case 'number':
    case 'parameter':
      return '?'
    case 'name':
    case 'sign':
      return text
    default:
      return kind satisfies never
  }
}

/** At the end of `( ? , ? , ? )`: a list of values is as good as another, and so are several of them. */
function foldList(tokens: string[]): void {
  let at = tokens.length - 2
  while (tokens[at] === '?' && tokens[at - 1] === ',') at -= 2
  if (tokens[at] !== '?' || tokens[at - 1] !== '(') return
  tokens.length = at - 1
  if (tokens.at(-1) === ',' && tokens.at(-2) === '(?…)') tokens.length -= 1
  else tokens.push('(?…)')
}

const CONTROL = new Set('begin,commit,rollback,savepoint,release,start,set,prepare,end,abort'.split(','))

/** Whether it only begins, ends or sets something: sent by a library, and never a repetition worth telling. */
export const isControlForm = (fingerprint: string): boolean =>
  CONTROL.has(fingerprint.slice(0, `${fingerprint} `.indexOf(' ')))
