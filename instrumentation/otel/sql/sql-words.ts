/** A piece of SQL that can matter to a summary. Literals, comments and parameters are skipped. */
export interface SqlWord {
  kind: 'word' | 'quoted' | 'punctuation'
  text: string
}

const WORD = /[\p{L}_][\p{L}\p{N}_$]*/uy
const DOLLAR_QUOTE = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy
const NUMBER_OR_PARAMETER = /\$?\p{N}[\p{L}\p{N}_.]*/uy
const SPACE = /\s+/uy

/**
 * The words, quoted identifiers and punctuation of a text, in order. An unterminated literal or comment consumes the
 * rest, so that what cannot be read is never taken for a name.
 */
export function* sqlWords(text: string): Generator<SqlWord> {
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  while (at < text.length) {
    const character = text[at]!
    const space = match(SPACE)
    if (space) {
      at += space.length
    } else if (text.startsWith('--', at)) {
      at = after(text, '\n', at)
    } else if (text.startsWith('/*', at)) {
      at = afterComment(text, at)
    } else if (character === "'") {
      at = afterString(text, at, false)
    } else if (character === '"') {
      const end = afterQuoted(text, at)
      if (end === undefined) return
      yield { kind: 'quoted', text: text.slice(at, end) }
      at = end
    } else {
      const dollarQuote = match(DOLLAR_QUOTE)
      const word = dollarQuote ? undefined : match(WORD)
      if (dollarQuote) {
        at = after(text, dollarQuote, at + dollarQuote.length)
      } else if (word) {
        at += word.length
        // E'…' has backslash escapes; B'…', X'…', N'…' and U&'…' are literals as well.
        if (text[at] === "'") at = afterString(text, at, /^e$/i.test(word))
        else if (/^u$/i.test(word) && /^&['"]/.test(text.slice(at, at + 2))) at += 1
        else yield { kind: 'word', text: word }
      } else {
        const number = match(NUMBER_OR_PARAMETER)
        if (!number) yield { kind: 'punctuation', text: character }
        at += number?.length ?? 1
      }
    }
  }
}

function after(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from)
  return found === -1 ? text.length : found + what.length
}

/** PostgreSQL's comments nest. */
function afterComment(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('/*', at)) {
      depth += 1
      at += 1
    } else if (text.startsWith('*/', at)) {
      depth -= 1
      at += 1
      if (depth === 0) return at + 1
    }
  }
  return text.length
}

/**
 * Skips a string. Without escapes, a backslash before a quote makes the end uncertain, because a server setting
 * decides; then all the rest is skipped.
 */
function afterString(text: string, from: number, backslashes: boolean): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') {
      if (!backslashes && text[at + 1] === "'") return text.length
      if (backslashes) at += 1
    } else if (text[at] === "'") {
      if (text[at + 1] !== "'") return at + 1
      at += 1
    }
  }
  return text.length
}

function afterQuoted(text: string, from: number): number | undefined {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] !== '"') continue
    if (text[at + 1] !== '"') return at + 1
    at += 1
  }
  return undefined
}
