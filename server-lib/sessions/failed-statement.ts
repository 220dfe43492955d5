import { siteOf, type SiteCapture } from '../identity/site.ts'
import { inShort } from '../channels/in-short.ts'
import { statementIn } from '../postgres/statement-arguments.ts'
import { EnclosedStatement } from '../postgres/enclosed-statement.ts'
import { statementText } from '../postgres/statement-text.ts'

/** In characters: enough to recognize a statement. */
const LONGEST_TEXT = 120

/** The statement that failed a transaction, as later errors name it: its text without literals, and its line. */
export class FailedStatement {
  readonly #text: string | undefined
  readonly #parameters: number
  readonly #capture: SiteCapture | null

  constructor(config: unknown, capture: SiteCapture | null) {
    const statement = statementIn([config instanceof EnclosedStatement ? config.statement : config])
    this.#text = statement?.text
    this.#parameters = statement?.parameters ?? 0
    this.#capture = capture
  }

  /** `insert into t (v) values ($1) at orders.ts:41`. */
  toString(): string {
    const line = siteOf(this.#capture)?.label
    const text = this.#text
      ? inShort(statementText(this.#text, this.#parameters), LONGEST_TEXT)
      : 'a statement'
    return line === undefined ? text : `${text} at ${line}`
  }
}
