const HIDDEN = '•••'

/**
 * Hides what looks like a credential in a text: `user:password@`, in a URL or not, and the values of `password=…`,
 * `"token": "…"` and their like. The end of a value is a guess, so it hides too much rather than too little: an
 * unescaped password may have `@`, `/` and blanks in it. Reads the text once, in linear time.
 */
export function withoutCredentials(text: string): string {
  return withoutSecretValues(text).split('\n').map(withoutUserinfo).join('\n')
}

const SCHEME_END = '://'

function withoutUserinfo(line: string): string {
  // The last `@` of the line: a password that has others is hidden to its end.
  const at = line.lastIndexOf('@')
  const start = at < 0 ? -1 : startOfUserinfo(line, at)
  const hidden = start < 0 ? line : line.slice(0, start) + HIDDEN + line.slice(at)
  return withoutHostlessPassword(hidden, start < 0 ? 0 : start)
}

/** The start of the userinfo: after the first `://` before the `@`, or the start of the word that has a colon and then an `@`. */
function startOfUserinfo(line: string, at: number): number {
  for (let found = line.indexOf(SCHEME_END); found >= 0 && found < at;) {
    const start = found + SCHEME_END.length
    // A path of Node: `node_modules/@scope`.
    if (!line.startsWith('file', found - 4)) {
      const next = line.slice(start, at)
      return next.includes(':') || !/\s/.test(next) ? start : -1
    }
    found = line.indexOf(SCHEME_END, start)
  }
  let start = 0
  let hasColon = false
  for (let index = 0; index <= at; index++) {
    const character = line[index]
    if (character === ' ' || character === '\t') {
      start = index + 1
      hasColon = false
    } else if (character === '@' && hasColon) return start
    // No password follows `file:`, `node:` and `npm:`.
    else if (character === ':' && !PATHS.test(line.slice(Math.max(start, index - 8), index))) hasColon = true
  }
  return -1
}

const PATHS = /(?:^|\W)(?:file|node|npm|https?)$/

/** `postgres://bob:hunter2`: if the part after the colon is no port, it is a password whose host was forgotten. */
function withoutHostlessPassword(line: string, from: number): string {
  let shown = ''
  let copied = 0
  for (let found = line.indexOf(SCHEME_END, from); found >= 0;) {
    let end = found + SCHEME_END.length
    let colon = -1
    let isPort = true
    for (; end < line.length && !AUTHORITY_END.includes(line[end]!); end++) {
      if (line[end] === ':') colon = end
      else if (colon >= 0 && !(line[end]! >= '0' && line[end]! <= '9')) isPort = false
    }
    if (colon >= 0 && !isPort && line[found + SCHEME_END.length] !== '[') {
      const first = line.indexOf(':', found + SCHEME_END.length)
      shown += line.slice(copied, first + 1) + HIDDEN
      copied = end
    }
    found = line.indexOf(SCHEME_END, end)
  }
  return shown + line.slice(copied)
}

const AUTHORITY_END = ' \t/?#"\'<>,;)'

const SECRET_WORD =
  /password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|authorization|cookie/gi

function withoutSecretValues(text: string): string {
  let shown = ''
  let copied = 0
  SECRET_WORD.lastIndex = 0
  for (let match = SECRET_WORD.exec(text); match; match = SECRET_WORD.exec(text)) {
    const word = endOfRun(text, SECRET_WORD.lastIndex, isOfWord)
    const value = startOfValue(text, word)
    const end = value < 0 ? word : endOfValue(text, value, /^(?:auth|cook)/i.test(match[0]))
    if (end > value && value >= 0) {
      shown += text.slice(copied, value) + HIDDEN
      copied = end
    }
    // Each part is read once.
    SECRET_WORD.lastIndex = Math.max(end, word)
  }
  return copied === 0 ? text : shown + text.slice(copied)
}

const isOfWord = (character: string) => /[\w-]/.test(character)
const isBlank = (character: string) => character === ' ' || character === '\t'
const isBackslash = (character: string) => character === '\\'
const isQuote = (character: string | undefined) => character === '"' || character === "'" || character === '`'

function endOfRun(text: string, from: number, is: (character: string) => boolean): number {
  let at = from
  while (at < text.length && is(text[at]!)) at++
  return at
}

/**
 * The start of the value, with its quote; -1 where no value follows. Between word and value are `=`, `:`, `=>`, `:=`,
 * or blanks before a quote.
 */
function startOfValue(text: string, word: number): number {
  let at = endOfRun(text, word, isBackslash)
  if (isQuote(text[at])) at++
  else at = word
  at = endOfRun(text, at, isBlank)
  if (text[at] === '=' || text[at] === ':') {
    at++
    if (text[at] === '>' || text[at] === '=') at++
    return endOfRun(text, at, isBlank)
  }
  const isText = isQuote(text[endOfRun(text, at, isBackslash)])
  return isText && at > word ? at : -1
}

function endOfValue(text: string, start: number, isWholeLine: boolean): number {
  const quote = endOfRun(text, start, isBackslash)
  if (isQuote(text[quote])) return endOfQuoted(text, text.slice(start, quote + 1), quote + 1)
  let at = start
  for (; at < text.length; at++) {
    const character = text[at]!
    if (character === '\n' || (!isWholeLine && /\s/.test(character) && text[at - 1] !== '\\')) break
  }
  return at
}

/** `opening` is the quote, with backslashes where the text itself is quoted: `\"`. */
function endOfQuoted(text: string, opening: string, from: number): number {
  const quote = opening.at(-1)
  for (let at = text.indexOf(opening, from); at >= 0; at = text.indexOf(opening, at + 1)) {
    const end = at + opening.length
    const isEscaped = text[at - 1] === '\\' && at > from
    if (text[end] === quote && opening.length === 1) at++
    else if (!isEscaped) return end
  }
  return text.length
}
