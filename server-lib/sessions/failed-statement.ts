import { siteOf, type SiteCapture } from '../identity/site.ts'
import { inShort } from '../channels/in-short.ts'
import type { Language } from '../dialect/language.ts'
import { EnclosedStatement } from '../dialect/statement.ts'

/** In characters: enough to recognize a statement. */
const LONGEST_TEXT = 120

/** The statement that failed a transaction, as later errors name it: its text without literals, and its line. */
export class FailedStatement {
  readonly #dialect: Language
  readonly #text: string | undefined
  readonly #parameters: number
  readonly #capture: SiteCapture | null

  constructor(dialect: Language, config: unknown, capture: SiteCapture | null) {
    this.#dialect = dialect
    const statement = dialect.calls.statementIn([
      config instanceof EnclosedStatement ? config.statement : config,
    ])
    this.#text = statement?.text
    this.#parameters = statement?.parameters ?? 0
    this.#capture = capture
  }

  /** `insert into t (v) values ($1) at orders.ts:41`. */
  toString(): string {
    const line = siteOf(this.#capture)?.label
    const text = this.#text
      ? inShort(this.#dialect.reading.shown(this.#text, this.#parameters), LONGEST_TEXT)
      : 'a statement'
    return line === undefined ? text : `${text} at ${line}`
  }
}
