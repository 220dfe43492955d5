/** One token of a statement's head: a keyword or name folded to lower case, a name in quotes, or anything else. */
export type Token =
  | { readonly kind: 'word'; readonly value: string }
  | { readonly kind: 'quoted'; readonly value: string }
  | { readonly kind: 'other'; readonly value: string }

/** Enough for the longest transaction control that there is. */
const HEAD = 24
/** Stands for what was left out. */
const MORE: Token = { kind: 'other', value: '…' }

/**
 * The first tokens of each statement of a text, as PostgreSQL's own scanner divides it: comments (nested ones too), quotes,
 * dollar quotes and E'' strings hide what is in them. Empty statements are left out. `backslashes` says whether a plain
 * string takes them as escapes: standard_conforming_strings is off then.
 */
export function statementHeads(text: string, backslashes: boolean): Token[][] {
  const heads: Token[][] = []
  let head: Token[] = []
  let parentheses = 0
  /** Inside of BEGIN ATOMIC … END, where semicolons divide the body of a function. */
  let body: 'none' | 'open' | 'ending' = 'none'
  let previous = ''
  let at = 0
  const end = () => {
    if (head.length > 0) heads.push(head)
    head = []
    parentheses = 0
    previous = ''
    body = 'none'
  }
  while (at < text.length) {
    const next = skipBlank(text, at)
    if (next > at) {
      at = next
      continue
    }
    const token = tokenAt(text, at, backslashes)
    at = token.end
    const { kind, value } = token
    if (value === ';' && kind === 'other') {
      // END and then a semicolon closes the body. Where a CASE does so, too much is seen rather than too little.
      if (body === 'ending' || (body === 'none' && parentheses === 0)) end()
      continue
    }
    if (value === '(' && kind === 'other') parentheses++
    if (value === ')' && kind === 'other') parentheses = Math.max(0, parentheses - 1)
    const word = kind === 'word' ? value : ''
    if (word === 'atomic' && previous === 'begin' && parentheses === 0 && isRoutine(head)) body = 'open'
    else if (body !== 'none') body = word === 'end' ? 'ending' : 'open'
    previous = word
    if (head.length < HEAD) head.push({ kind, value })
    else if (head.length === HEAD) head.push(MORE)
  }
  end()
  return heads
}

/** CREATE [OR REPLACE] FUNCTION or PROCEDURE: nothing else has a body of statements. */
function isRoutine([create, ...rest]: readonly Token[]): boolean {
  if (create?.value !== 'create') return false
  const what = rest[0]?.value === 'or' ? rest[2] : rest[0]
  return what?.kind === 'word' && (what.value === 'function' || what.value === 'procedure')
}

const BLANK = /[ \t\n\r\f\v]+/y
const LINE = /[^\n\r]*/y
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const NUMBER = /[0-9][0-9.]*/y
const TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** Behind white space or one comment that begins here. */
function skipBlank(text: string, at: number): number {
  const blank = matchAt(BLANK, text, at)
  if (blank) return at + blank.length
  if (text.startsWith('--', at)) return at + (matchAt(LINE, text, at) ?? '').length
  return text.startsWith('/*', at) ? commentEnd(text, at) : at
}

function commentEnd(text: string, from: number): number {
  let depth = 0
  let at = from
  while (at < text.length) {
    if (text.startsWith('/*', at)) {
      depth++
      at += 2
    } else if (text.startsWith('*/', at)) {
      at += 2
      if (--depth === 0) return at
    } else at++
  }
  return at
}

function tokenAt(text: string, at: number, backslashes: boolean): Token & { end: number } {
  const char = text[at] as string
  if (char === "'") return quoted(text, at, { quote: "'", escapes: backslashes })
  if (char === '"') return quoted(text, at, { quote: '"', escapes: false })
  if (char === '$') {
    const tag = matchAt(TAG, text, at)
    if (tag === undefined) return { kind: 'other', value: char, end: at + 1 }
    const close = text.indexOf(tag, at + tag.length)
    return { kind: 'other', value: '$$', end: close < 0 ? text.length : close + tag.length }
  }
  const word = matchAt(WORD, text, at)
  if (word !== undefined) {
    const end = at + word.length
    if (/^e$/i.test(word) && text[end] === "'") return quoted(text, end, { quote: "'", escapes: true })
    return { kind: 'word', value: word.toLowerCase(), end }
  }
  const number = matchAt(NUMBER, text, at)
  return { kind: 'other', value: number ?? char, end: at + (number ?? char).length }
}

/** A string or a name in quotes, which are doubled inside of it. One that is not closed hides the rest. */
function quoted(
  text: string,
  from: number,
  { quote, escapes }: { quote: string; escapes: boolean },
): Token & { end: number } {
  let at = from + 1
  for (; at < text.length; at++) {
    if (escapes && text[at] === '\\') at++
    else if (text[at] === quote && text[at + 1] === quote) at++
    else if (text[at] === quote) break
  }
  const end = Math.min(at + 1, text.length)
  if (quote === "'") return { kind: 'other', value: "''", end }
  return { kind: 'quoted', value: text.slice(from + 1, at).replaceAll('""', '"'), end }
}
