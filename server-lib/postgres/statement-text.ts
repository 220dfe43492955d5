import { withoutWrittenSecrets } from './written-secrets.ts'

/**
 * The text of a statement as it may be shown: string literals (plain, E'', dollar quotes and the rest) become
 * `?`, the bodies of comments become `…`, and where no parameter travels with the statement its numbers become `?`
 * too, for then they may be data. Identifiers, quoted ones too, and `$1` stay as they are, but for those that stand
 * where a password or a setting is written.
 *
 * Looks at no more than the first 64 KiB, in linear time, and never throws. Only texts that came out as they went in
 * are remembered: a literal is held nowhere after the call.
 */
export function statementText(text: string, parameters = 0): string {
  if (typeof text !== 'string') return ''
  const keepsNumbers = parameters > 0
  const seen = keepsNumbers ? seenWithParameters : seenWithout
  if (seen.touch(text)) return text
  const read = text.length > CHARACTERS_READ ? text.slice(0, CHARACTERS_READ) : text
  const shown = withoutWrittenSecrets(shownText(read, keepsNumbers))
  if (read.length < text.length) return `${shown}…`
  if (shown === text) seen.add(text)
  return shown
}

const CHARACTERS_READ = 65_536
const TEXTS_REMEMBERED = 2_000
const CHARACTERS_REMEMBERED = 2_000_000

/** The texts that need no change, the least recently used leave first. */
class UnchangedTexts {
  readonly #texts = new Set<string>()
  #characters = 0

  touch(text: string): boolean {
    if (!this.#texts.delete(text)) return false
    this.#texts.add(text)
    return true
  }

  add(text: string): void {
    // A copy, for a text that was cut out of a longer one would keep the longer one in memory.
    this.#texts.add(Buffer.from(text).toString())
    this.#characters += text.length
    for (const oldest of this.#texts) {
      if (this.#texts.size <= TEXTS_REMEMBERED && this.#characters <= CHARACTERS_REMEMBERED) break
      this.#texts.delete(oldest)
      this.#characters -= oldest.length
    }
  }
}

const seenWithParameters = new UnchangedTexts()
const seenWithout = new UnchangedTexts()

/** Sticky rules, each matching in one pass, without backtracking. */
const NUMBER = /(?:\d|\.\d)(?:[eE][+-]|\.(?!\.)|[A-Za-z0-9_\u0080-\uffff])*/y
const PARAMETER = /\$\d+/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
/** Words that, with a quote right behind them, begin a string. */
const STRING_PREFIX = /^(?:e|b|x|n)$/i

/** What a character can begin. Most of a statement is decided by this table alone. */
const PLAIN = 0
const WORD = 1
const DIGIT = 2
const OTHER = 3
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[A-Za-z_]/.test(character)) return WORD
  if (/\d/.test(character)) return DIGIT
  return /['"$\-/.]/.test(character) ? OTHER : PLAIN
})

function classOf(code: number): number {
  return code < 128 ? (CLASSES[code] ?? PLAIN) : WORD
}

function endOfWord(text: string, start: number): number {
  let at = start + 1
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const kind = classOf(code)
    if (kind !== WORD && kind !== DIGIT && code !== DOLLAR) break
  }
  return at
}

function shownText(text: string, keepsNumbers: boolean): string {
  let shown = ''
  let copied = 0
  let at = 0
  /** What stood from `from` to `to` is shown as `sign`. */
  const replace = (from: number, to: number, sign: string): void => {
    shown += text.slice(copied, from) + sign
    copied = at = to
  }
  while (at < text.length) {
    const start = at
    const code = text.charCodeAt(at)
    const kind = classOf(code)
    if (kind === PLAIN) at++
    else if (kind === WORD) {
      at = endOfWord(text, start)
      const next = text.charCodeAt(at)
      if (next !== QUOTE && next !== AMPERSAND) continue
      const name = text.slice(start, at)
      const quote = text.startsWith("&'", at) && /^u$/i.test(name) ? at + 1 : at
      if (text.charCodeAt(quote) === QUOTE && (quote > at || STRING_PREFIX.test(name))) {
        const end = endOfString(text, quote, /^e$/i.test(name))
        if (end === AMBIGUOUS) return `${shown}${text.slice(copied, start)}?…`
        replace(start, end, '?')
      }
    } else if (code === QUOTE) {
      const end = endOfString(text, at, false)
      // Whether a backslash escapes here depends on a setting of the server's, so what follows is anybody's guess.
      if (end === AMBIGUOUS) return `${shown}${text.slice(copied, at)}?…`
      replace(start, end, '?')
    } else if (code === DOUBLE_QUOTE) {
      const end = endOfQuoted(text, at)
      if (end === UNTERMINATED) replace(start, text.length, '"…')
      else at = end
    } else if (code === DOLLAR) {
      const tag = match(DOLLAR_TAG, text, at)
      if (tag > 0) {
        const close = text.indexOf(text.slice(at, at + tag), at + tag)
        replace(start, close < 0 ? text.length : close + tag, '?')
      } else at += match(PARAMETER, text, at) || 1
    } else if (text.startsWith('--', at)) {
      const newline = text.indexOf('\n', at)
      replace(start, newline < 0 ? text.length : newline, '--…')
    } else if (text.startsWith('/*', at)) {
      replace(start, endOfComment(text, at), '/*…*/')
    } else {
      const end = at + match(NUMBER, text, at)
      if (end === at) at++
      else if (keepsNumbers) at = end
      else replace(start, end, '?')
    }
  }
  return copied === 0 ? text : shown + text.slice(copied)
}

const QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const DOLLAR = 0x24
const AMPERSAND = 0x26
const UNTERMINATED = -1
const AMBIGUOUS = -2

/** How many characters a sticky rule matches at a place. */
function match(rule: RegExp, text: string, at: number): number {
  rule.lastIndex = at
  return rule.test(text) ? rule.lastIndex - at : 0
}

function endOfString(text: string, quote: number, backslashEscapes: boolean): number {
  for (let at = quote + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x5c) {
      if (backslashEscapes) at++
      else if (text.charCodeAt(at + 1) === QUOTE) return AMBIGUOUS
    } else if (code === QUOTE) {
      if (text.charCodeAt(at + 1) !== QUOTE) return at + 1
      at++
    }
  }
  return text.length
}

function endOfQuoted(text: string, quote: number): number {
  for (let at = text.indexOf('"', quote + 1); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text.charCodeAt(at + 1) !== DOUBLE_QUOTE) return at + 1
  }
  return UNTERMINATED
}

/** PostgreSQL's block comments nest. */
function endOfComment(text: string, start: number): number {
  let depth = 1
  for (let at = start + 2; at < text.length; at++) {
    if (text.startsWith('*/', at)) {
      depth--
      at++
      if (depth === 0) return at + 1
    } else if (text.startsWith('/*', at)) {
      depth++
      at++
    }
  }
  return text.length
}
