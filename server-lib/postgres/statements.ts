import { isBlank, skipBlanks, SqlScanner, type SqlKind } from '../dialect/scan-sql.ts'
import { CONFORMING, ESCAPING, POSTGRES } from './grammar.ts'

/** One token of a statement's head. A word is folded to lower case, a name is without its quotes. */
export interface Token {
  readonly kind: SqlKind
  readonly value: string
}

/** Enough for the longest transaction control that there is. */
const HEAD = 24
/** Stands for what was left out. */
const MORE: Token = { kind: 'sign', value: '…' }

/**
 * The first tokens of each statement of a text, as PostgreSQL's own scanner divides it: comments (nested ones too), quotes,
 * dollar quotes and E'' strings hide what is in them. Empty statements are left out. `backslashes` says whether a plain
 * string takes them as escapes: standard_conforming_strings is off then. Behind the last one that is asked for nothing is read.
 */
export function statementHeads(text: string, backslashes: boolean, most = Infinity): Token[][] {
  const heads: Token[][] = []
  const scanner = new SqlScanner(text, backslashes ? ESCAPING : CONFORMING)
  let head: Token[] = []
  let parentheses = 0
  /** Inside of BEGIN ATOMIC … END, where semicolons divide the body of a function. */
  let isInBody = false
  let previous = ''
  const end = () => {
    if (head.length > 0) heads.push(head)
    head = []
    parentheses = 0
    isInBody = false
  }
  while (heads.length < most && scanner.next()) {
    const { kind } = scanner
    if (kind === 'comment') continue
    if (kind === 'sign') {
      const sign = text[scanner.start]
      if (sign === ';' && !isInBody && parentheses === 0) {
        end()
        continue
      }
      if (sign === '(') parentheses++
      if (sign === ')') parentheses = Math.max(0, parentheses - 1)
    }
    const isCreating = head[0]?.value === 'create'
    if (head.length > HEAD && !isCreating) continue
    const value = valueOf(scanner)
    if (isCreating) {
      const word = kind === 'name' ? '' : value
      if (isInBody) isInBody = !(word === 'end' && (previous === ';' || previous === 'atomic'))
      else isInBody = word === 'atomic' && previous === 'begin' && parentheses === 0 && isRoutine(head)
      previous = word
    }
    if (head.length < HEAD) head.push({ kind, value })
    else if (head.length === HEAD) head.push(MORE)
  }
  if (heads.length < most) end()
  return heads
}

/** What is read of a token. Nothing is read of a string. */
function valueOf(token: SqlScanner): string {
  switch (token.kind) {
    case 'word':
      return token.text.toLowerCase()
    case 'name':
      return token.text.slice(1, -1).replaceAll('""', '"')
    case 'string':
    case 'unsure':
      return "''"
    default:
      return token.text
  }
}

/** CREATE [OR REPLACE] FUNCTION or PROCEDURE: nothing else has a body of statements. */
function isRoutine([, ...rest]: readonly Token[]): boolean {
  const what = rest[0]?.value === 'or' ? rest[2] : rest[0]
  return what?.kind === 'word' && (what.value === 'function' || what.value === 'procedure')
}

/** Where the first token begins that is no semicolon: behind white space, comments and empty statements. */
function firstTokenAt(text: string): number {
  let at = skipBlanks(text, 0, POSTGRES)
  while (text[at] === ';') at = skipBlanks(text, at + 1, POSTGRES)
  return at
}

/**
 * Whether nothing stands behind the first semicolon, be it in a string. Not even a comment: what looks like one there may be in
 * the string as well, and hide nothing.
 */
export function isOneStatement(text: string): boolean {
  let at = text.indexOf(';', firstTokenAt(text))
  if (at < 0) return true
  while (isBlank(text.charCodeAt(at)) || text[at] === ';') at++
  return at === text.length
}

/** Whether the first word of a text, behind blanks and comments, is one that a sticky rule finds. */
export function beginsWith(text: string, rule: RegExp): boolean {
  rule.lastIndex = firstTokenAt(text)
  return rule.test(text)
}
