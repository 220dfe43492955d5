/** How a dialect writes what is not a plain word: everything that the scanner has to be told of it. */
export interface SqlGrammar {
  /** Whether a block comment may hold others. */
  readonly nestedComments: boolean
  /** Whether `#` begins a comment, as `--` does. */
  readonly hashComments: boolean
  /** Whether `$a$ … $a$` is a string and `$1` a parameter. */
  readonly dollars: boolean
  readonly doubleQuotes: 'name' | 'string'
  /** Whether a name may stand in backticks. */
  readonly backticks: boolean
  /** Whether a backslash escapes in a plain string. It is unknown where a setting of the server decides. */
  readonly backslashes: Backslashes
  /** What may stand right before the quote of a string, in lower case, and what a backslash is in there. */
  readonly prefixes: ReadonlyMap<string, 'escapes' | 'stays' | 'as in a plain string'>
}

type Backslashes = 'always' | 'never' | 'unknown'

/** `unsure` is a string that may end at more than one place: it reaches to the end of the text. */
export type SqlKind = 'word' | 'name' | 'string' | 'unsure' | 'number' | 'parameter' | 'sign' | 'comment'

/**
 * Goes through a text token by token, each character once or twice, and makes no object for a token. Blanks are what
 * stands between two tokens. A string, a name or a comment without an end reaches to the end of the text. A sign is
 * one character.
 */
export class SqlScanner {
  readonly #text: string
  readonly #grammar: SqlGrammar
  kind: SqlKind = 'sign'
  start = 0
  end = 0
  /** Whether a name or a string lacks its closing quote. */
  isOpen = false

  constructor(text: string, grammar: SqlGrammar) {
    this.#text = text
    this.#grammar = grammar
  }

  /** Goes to the next token. False at the end of the text. */
  next(): boolean {
    const text = this.#text
    let at = this.end
    let code = text.charCodeAt(at)
    while (isBlank(code)) code = text.charCodeAt(++at)
    this.start = at
    const kind = classOf(code)
    if (kind === SIGN) {
      this.kind = 'sign'
      this.end = at + 1
      return at < text.length
    }
    if (kind === LETTER) this.#word()
    else if (kind === DIGIT) this.#take('number', matchEnd(NUMBER, text, at))
    else this.#mark(code)
    return true
  }

  /** The token as it is written. */
  get text(): string {
    return this.#text.slice(this.start, this.end)
  }

  #take(kind: SqlKind, end: number): void {
    this.kind = kind
    this.end = end
  }

  /** A character that can begin more than a sign. */
  #mark(code: number): void {
    const { start } = this
    const text = this.#text
    const grammar = this.#grammar
    if (code === QUOTE || (code === DOUBLE_QUOTE && grammar.doubleQuotes === 'string'))
      return this.#string(start, grammar.backslashes)
    if (code === DOUBLE_QUOTE || (code === BACKTICK && grammar.backticks))
      return this.#close('name', quotedEnd(text, start, 'never'))
    if (code === DOLLAR) return this.#dollar()
    const comment = commentEnd(text, start, grammar)
    if (comment > start) return this.#take('comment', comment)
    const number = matchEnd(NUMBER, text, start)
    this.#take(number > start ? 'number' : 'sign', Math.max(number, start + 1))
  }

  /** A word, or a string with what stands before its quote. */
  #word(): void {
    const text = this.#text
    let end = this.start + 1
    while (isWordPart(text.charCodeAt(end))) end++
    const next = text.charCodeAt(end)
    if (next === QUOTE || (next === AMPERSAND && text.charCodeAt(end + 1) === QUOTE)) {
      const quote = next === QUOTE ? end : end + 1
      const { prefixes, backslashes } = this.#grammar
      const backslash = prefixes.get(text.slice(this.start, quote).toLowerCase())
      if (backslash === 'escapes') return this.#string(quote, 'always')
      // Where the setting is unknown, what is an error to the server must not end too early.
      if (backslash === 'stays' && backslashes === 'always') return this.#string(quote, 'never')
      if (backslash) return this.#string(quote, backslashes)
    }
    this.kind = 'word'
    this.end = end
  }

  /** A string. Another one on the next line continues it: by itself it would be read with other escapes. */
  #string(from: number, backslashes: Backslashes): void {
    const text = this.#text
    let end = quotedEnd(text, from, backslashes)
    if (backslashes !== this.#grammar.backslashes) {
      for (let next = continuation(text, end); next >= 0; next = continuation(text, end))
        end = quotedEnd(text, next, backslashes)
    }
    this.#close(end === UNSURE ? 'unsure' : 'string', end)
  }

  /** A token in quotes, which may lack the last one. */
  #close(kind: SqlKind, end: number): void {
    this.kind = kind
    this.isOpen = end < 0
    this.end = end < 0 ? this.#text.length : end
  }

  /** A string in dollar quotes, a parameter, or a dollar. */
  #dollar(): void {
    const { start } = this
    const text = this.#text
    const end = this.#grammar.dollars ? matchEnd(TAG_OR_PARAMETER, text, start) : start
    if (end === start) return this.#take('sign', start + 1)
    if (text[end - 1] !== '$') return this.#take('parameter', end)
    const close = text.indexOf(text.slice(start, end), end)
    this.#close('string', close < 0 ? OPEN : close + end - start)
  }
}

/** Behind blanks and comments. */
export function skipBlanks(text: string, from: number, grammar: SqlGrammar): number {
  for (let at = from; ;) {
    const code = text.charCodeAt(at)
    const end = isBlank(code) ? at + 1 : classOf(code) === MARK ? commentEnd(text, at, grammar) : at
    if (end === at) return at
    at = end
  }
}

const QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const BACKTICK = 0x60
const DOLLAR = 0x24
const AMPERSAND = 0x26
const BACKSLASH = 0x5c

/** Sticky rules, each of which matches in one pass. */
const TAG_OR_PARAMETER = /\$(?:\d+|(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)/y
/** With the word that is glued to it: PostgreSQL before 15 takes `1a` for a number with an alias, newer ones for an error. */
const NUMBER = /\.?\d(?:\d|\.(?!\.)|[eE][+-]?\d|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)*/y

/** Behind what a sticky rule matches. `from` where it does not. */
function matchEnd(rule: RegExp, text: string, from: number): number {
  rule.lastIndex = from
  return rule.test(text) ? rule.lastIndex : from
}

/** What a character begins. */
const SIGN = 0
const MARK = 1
const DIGIT = 2
const LETTER = 3
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[a-z_]/i.test(character)) return LETTER
  if (/\d/.test(character)) return DIGIT
  return /['"`$#\-/.]/.test(character) ? MARK : SIGN
})

/** To a server all that is not ASCII is a letter, even a no-break space. Behind the end of the text is a sign. */
const classOf = (code: number): number => (code < 128 ? CLASSES[code]! : code >= 128 ? LETTER : SIGN)
const isWordPart = (code: number) => classOf(code) >= DIGIT || code === DOLLAR
/** Nothing but these. */
export const isBlank = (code: number) => code === 0x20 || (code <= 0x0d && code >= 0x09)
const isLineEnd = (code: number) => code === 0x0a || code === 0x0d

const OPEN = -1
const UNSURE = -2

/** Behind what stands in quotes, which are doubled inside of it. */
function quotedEnd(text: string, from: number, backslashes: Backslashes): number {
  const quote = text.charCodeAt(from)
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      if (text.charCodeAt(at + 1) !== quote) return at + 1
      at++
    } else if (code === BACKSLASH && backslashes !== 'never') {
      if (backslashes === 'always') at++
      else if (text.charCodeAt(at + 1) === quote) return UNSURE
    }
  }
  return OPEN
}

/** Behind the comment that begins there. `from` where none does. */
function commentEnd(text: string, from: number, { hashComments, nestedComments }: SqlGrammar): number {
  if (text.startsWith('--', from) || (hashComments && text[from] === '#')) return lineEnd(text, from)
  if (!text.startsWith('/*', from)) return from
  let depth = 1
  for (let at = from + 2; at < text.length; at++) {
    if (text[at] === '*' && text[at + 1] === '/') {
      at++
      if (--depth === 0) return at + 1
    } else if (nestedComments && text[at] === '/' && text[at + 1] === '*') {
      at++
      depth++
    }
  }
  return text.length
}

function lineEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && !isLineEnd(text.charCodeAt(at))) at++
  return at
}

/** Where the quote is that continues a string, with the end of a line between the two. -1 if there is none. */
function continuation(text: string, from: number): number {
  if (from < 0) return from
  let isOnNextLine = false
  for (let at = from; ;) {
    const code = text.charCodeAt(at)
    if (text.startsWith('--', at)) at = lineEnd(text, at)
    else if (!isBlank(code)) return isOnNextLine && code === QUOTE ? at : -1
    else {
      isOnNextLine ||= isLineEnd(code)
      at++
    }
  }
}
