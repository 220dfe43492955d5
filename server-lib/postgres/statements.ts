/** One token of a statement's head: a keyword or name folded to lower case, a name in quotes, or anything else. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'other'
  readonly value: string
}

/** Enough for the longest transaction control that there is. */
const HEAD = 24
/** Stands for what was left out. */
const MORE: Token = { kind: 'other', value: '…' }

/**
 * The first tokens of each statement of a text, as PostgreSQL's own scanner divides it: comments (nested ones too), quotes,
 * dollar quotes and E'' strings hide what is in them. Empty statements are left out. `backslashes` says whether a plain
 * string takes them as escapes: standard_conforming_strings is off then. Behind the last one that is asked for nothing is read.
 */
export function statementHeads(text: string, backslashes: boolean, most = Infinity): Token[][] {
  const heads: Token[][] = []
  const scanner = new Scanner(text, backslashes)
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
    if (kind === 'other') {
      const char = scanner.char
      if (char === ';' && !isInBody && parentheses === 0) {
        end()
        continue
      }
      if (char === '(') parentheses++
      if (char === ')') parentheses = Math.max(0, parentheses - 1)
    }
    const isCreating = head[0]?.value === 'create'
    if (head.length > HEAD && !isCreating) continue
    const value = scanner.value()
    if (isCreating) {
      const word = kind === 'quoted' ? '' : value
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

/**
 * The first words of each statement of a text, in capitals, names in quotes among them; what else stands between is left out,
 * and nothing is read of a string. Where standard_conforming_strings would make a difference both readings are there.
 */
export function leadingWords(text: string, limit = HEAD): string[][] {
  const heads = statementHeads(text, false)
  if (text.includes('\\')) heads.push(...statementHeads(text, true))
  return heads.map(head => wordsOf(head).slice(0, limit))
}

function wordsOf(head: readonly Token[]): string[] {
  return head.filter(({ kind }) => kind !== 'other').map(({ value }) => value.toUpperCase())
}

/** CREATE [OR REPLACE] FUNCTION or PROCEDURE: nothing else has a body of statements. */
function isRoutine([, ...rest]: readonly Token[]): boolean {
  const what = rest[0]?.value === 'or' ? rest[2] : rest[0]
  return what?.kind === 'word' && (what.value === 'function' || what.value === 'procedure')
}

/** Where the first token begins that is no semicolon: behind white space, comments and empty statements. */
export function firstTokenAt(text: string): number {
  let at = skipBlank(text, 0)
  while (text[at] === ';') at = skipBlank(text, at + 1)
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

/** Goes through a text token by token, each character once. */
class Scanner {
  readonly #text: string
  readonly #backslashes: boolean
  #start = 0
  #end = 0
  kind: Token['kind'] = 'other'

  constructor(text: string, backslashes: boolean) {
    this.#text = text
    this.#backslashes = backslashes
  }

  /** Goes to the next token, if there is one. */
  next(): boolean {
    this.#start = skipBlank(this.#text, this.#end)
    if (this.#start >= this.#text.length) return false
    const code = this.#text.charCodeAt(this.#start)
    this.kind = 'other'
    if (isWordStart(code)) this.#word()
    else if (code === QUOTE) this.#string(this.#start, this.#backslashes)
    else if (code === DOUBLE_QUOTE) this.#name()
    else if (code === DOLLAR) this.#end = dollarEnd(this.#text, this.#start)
    else this.#end = this.#start + 1
    return true
  }

  get char(): string {
    return this.#text[this.#start] as string
  }

  /** What is read of the token. Of a string nothing is. */
  value(): string {
    const text = this.#text.slice(this.#start, this.#end)
    if (this.kind === 'word') return text.toLowerCase()
    if (this.kind === 'quoted') return text.slice(1, -1).replaceAll('""', '"')
    return text.length > 1 ? "''" : text
  }

  /** A word, or a string with the letter before it that says how it is read. */
  #word(): void {
    const text = this.#text
    let at = this.#start + 1
    while (isWordPart(text.charCodeAt(at))) at++
    const next = text.charCodeAt(at)
    if (at === this.#start + 1) {
      const letter = text[this.#start]?.toLowerCase()
      const isUnicode = letter === 'u' && next === AMPERSAND && text.charCodeAt(at + 1) === QUOTE
      if (isUnicode) return this.#string(at + 1, false)
      if (next === QUOTE && letter === 'e') return this.#string(at, true)
      if (next === QUOTE && (letter === 'b' || letter === 'x')) return this.#string(at, false)
    }
    this.kind = 'word'
    this.#end = at
  }

  #name(): void {
    this.kind = 'quoted'
    this.#end = quotedEnd(this.#text, this.#start, DOUBLE_QUOTE, false)
  }

  /** A string. What follows on another line continues it, with the same escapes. */
  #string(from: number, escapes: boolean): void {
    let quote = from
    do {
      this.#end = quotedEnd(this.#text, quote, QUOTE, escapes)
      quote = escapes === this.#backslashes ? NOWHERE : continuation(this.#text, this.#end)
    } while (quote !== NOWHERE)
  }
}

const NOWHERE = -1
const QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const DOLLAR = 0x24
const AMPERSAND = 0x26
const BACKSLASH = 0x5c
const SPACE = 0x20

/** Nothing but these: to the server a no-break space is a letter. */
const isBlank = (code: number) => code === SPACE || (code >= 0x09 && code <= 0x0d)
const isLineEnd = (code: number) => code === 0x0a || code === 0x0d
const isDigit = (code: number) => code >= 0x30 && code <= 0x39
const isWordStart = (code: number) =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code >= 0x80
const isWordPart = (code: number) => isWordStart(code) || isDigit(code) || code === DOLLAR

/** Behind white space and comments. */
function skipBlank(text: string, from: number): number {
  let at = from
  for (;;) {
    if (isBlank(text.charCodeAt(at))) at++
    else if (text.startsWith('--', at)) at = lineEnd(text, at)
    else if (text.startsWith('/*', at)) at = commentEnd(text, at)
    else return at
  }
}

function lineEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && !isLineEnd(text.charCodeAt(at))) at++
  return at
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

/** Behind a string or a name in quotes, which are doubled inside of it. One that is not closed hides the rest. */
function quotedEnd(text: string, from: number, quote: number, escapes: boolean): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (escapes && code === BACKSLASH) at++
    else if (code !== quote) continue
    else if (text.charCodeAt(at + 1) === quote) at++
    else return at + 1
  }
  return text.length
}

/** Where the quote is that continues the string which ends here, with a line's end between the two; NOWHERE if there is none. */
function continuation(text: string, from: number): number {
  let isOnNextLine = false
  for (let at = from; ;) {
    const code = text.charCodeAt(at)
    if (isBlank(code)) {
      isOnNextLine ||= isLineEnd(code)
      at++
    } else if (text.startsWith('--', at)) at = lineEnd(text, at)
    else return isOnNextLine && code === QUOTE ? at : NOWHERE
  }
}

/** Behind a string in dollar quotes, or behind a dollar that opens none, as that of $1. */
function dollarEnd(text: string, from: number): number {
  let at = from + 1
  if (isWordStart(text.charCodeAt(at)))
    while (isWordStart(text.charCodeAt(at)) || isDigit(text.charCodeAt(at))) at++
  if (text.charCodeAt(at) !== DOLLAR) return from + 1
  const tag = text.slice(from, at + 1)
  const close = text.indexOf(tag, at + 1)
  return close < 0 ? text.length : close + tag.length
}
