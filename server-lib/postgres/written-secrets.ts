import { SqlScanner } from '../dialect/scan-sql.ts'
import { withoutCredentials } from '../identity/credentials.ts'
import { POSTGRES } from './grammar.ts'

/** What none of these stands in holds no secret that is not a literal. */
const MAY_HOLD = /password|passwd|passphrase|pwd|secret|token|connection|program|\bset\b|:\/\//i

/** Behind these a secret follows, in quotes of any kind. */
const BEFORE_SECRET = /^(?:\w*(?:password|passwd|passphrase|pwd|secret|token)|connection|program)$/i
/** What a setting may be without being one. */
const PLAIN_VALUE = /^(?:\?|default|on|off|true|false)$/i
const HEAD_WORDS = 4

/**
 * Of a statement's text whose literals and comments are hidden already: hides what is a secret although PostgreSQL reads
 * it as a name. These are the value of SET, what follows PASSWORD or CONNECTION in statements about roles and servers,
 * and what is in double quotes behind such a word: `alter role app password "…"` fails, and is seen all the same.
 */
export function withoutWrittenSecrets(text: string): string {
  if (!MAY_HOLD.test(text)) return text
  const reader = new Reader(text)
  const scanner = new SqlScanner(text, POSTGRES)
  while (scanner.next()) {
    if (scanner.kind !== 'comment') reader.read(scanner.text, scanner.start)
  }
  return reader.end()
}

class Reader {
  readonly #text: string
  #shown = ''
  #copied = 0
  /** The statement's first words, in lower case. */
  #head: string[] = []
  #hasSet = false
  #previous = ''
  #beforePrevious = ''
  /** Where a value begins that ends with the statement. */
  #settingFrom = -1

  constructor(text: string) {
    this.#text = text
  }

  read(token: string, at: number): void {
    // A part of what was hidden up to the next blank.
    if (at < this.#copied) return
    if (token === ';') return this.#endStatement(at)
    if (this.#settingFrom >= 0) return
    const isName = token.startsWith('"')
    const word = isName ? token : token.toLowerCase()
    if (this.#isSecret(word, isName, at)) {
      const end = isName ? at + token.length : this.#endOfRun(at)
      if (this.#text[end - 1] === ';') this.#endStatement(at)
      this.#previous = this.#beforePrevious = ''
      return this.#hide(at, end)
    }
    if (isName && /[:=]/.test(token) && withoutCredentials(token) !== token) this.#hide(at, at + token.length)
    else if ((word === '=' || word === 'to') && this.#isSetting()) this.#settingFrom = at + token.length
    if (this.#head.length < HEAD_WORDS && !isName && /\w/.test(word)) this.#head.push(word)
    if (word === 'set') this.#hasSet = true
    this.#beforePrevious = this.#previous
    this.#previous = word
  }

  end(): string {
    this.#endStatement(this.#text.length)
    return this.#shown + this.#text.slice(this.#copied)
  }

  #isSecret(word: string, isName: boolean, at: number): boolean {
    const isAssigned = this.#previous === '=' && BEFORE_SECRET.test(this.#beforePrevious)
    if (!isAssigned && !BEFORE_SECRET.test(this.#previous)) return false
    if (isName) return true
    if (!this.#isAboutAccess || word === 'null' || word === '=' || this.#isPlaceholder(at)) return false
    // `connection limit 5` of a role.
    return this.#previous !== 'connection' || this.#head[1] === 'subscription'
  }

  /** A literal that is hidden already, or a parameter. */
  #isPlaceholder(at: number): boolean {
    return /^(?:\?|\$\d+)[;,)]*$/.test(this.#text.slice(at, Math.min(this.#endOfRun(at), at + 16)))
  }

  get #isAboutAccess(): boolean {
    const [verb, object] = this.#head
    return (
      (verb === 'create' || verb === 'alter') &&
      /^(?:role|user|group|subscription|server|foreign)$/.test(object ?? '')
    )
  }

  #isSetting(): boolean {
    const [verb, ...objects] = this.#head
    if (verb === 'set') return true
    if (!this.#hasSet || (verb !== 'alter' && verb !== 'create')) return false
    return objects.some(word => /^(?:role|user|group|database|system|function|procedure|routine)$/.test(word))
  }

  #endStatement(at: number): void {
    if (this.#settingFrom >= 0) {
      const value = this.#text.slice(this.#settingFrom, at)
      const blanks = value.length - value.trimStart().length
      if (!PLAIN_VALUE.test(value.trim())) this.#hide(this.#settingFrom + blanks, at)
    }
    this.#head = []
    this.#hasSet = false
    this.#previous = this.#beforePrevious = ''
    this.#settingFrom = -1
  }

  #hide(from: number, to: number): void {
    this.#shown += `${this.#text.slice(this.#copied, from)}?`
    this.#copied = to
  }

  /** A password in no quotes has no other end than a blank. */
  #endOfRun(at: number): number {
    let end = at
    while (end < this.#text.length && !/\s/.test(this.#text[end]!)) end++
    return end
  }
}
