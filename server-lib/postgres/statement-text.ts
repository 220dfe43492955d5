import { SqlScanner, type SqlKind } from '../dialect/scan-sql.ts'
import { POSTGRES } from './grammar.ts'
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

/** What is shown in place of a token. Null for what is shown as it is. */
const SHOWN: Readonly<Record<SqlKind, string | null>> = {
  word: null,
  name: null,
  sign: null,
  parameter: null,
  number: '?',
  string: '?',
  unsure: '?…',
  comment: '/*…*/',
}

function shownText(text: string, keepsNumbers: boolean): string {
  const scanner = new SqlScanner(text, POSTGRES)
  let shown = ''
  let copied = 0
  while (scanner.next()) {
    const { kind, start } = scanner
    if (kind === 'word' || kind === 'sign') continue
    let sign = SHOWN[kind]
    if (kind === 'number' && keepsNumbers) sign = null
    else if (kind === 'name' && scanner.isOpen) sign = '"…'
    else if (kind === 'comment' && text[start] === '-') sign = '--…'
    if (sign === null) continue
    shown += text.slice(copied, start) + sign
    copied = scanner.end
  }
  return copied === 0 ? text : shown + text.slice(copied)
}
