import type { ErrorFacts, Site } from '../../../server-lib/channels/index.ts'
import { fullMessage } from '../../../server-lib/channels/errors.ts'
import { statementText } from '../../../server-lib/postgres/statement-text.ts'
import type { TextId } from '../../model/codec.ts'
import type { Dictionary } from './dictionary.ts'

const LONGEST_STATEMENT = 4 * 1024
const LONGEST_TEXT = 1024
const LONGEST_FRAMES = 4 * 1024

/** Turns the texts of messages into ids, after removing what may not be shown. */
export class Ink {
  readonly #dictionary: Dictionary
  readonly #errorMessages: boolean

  constructor(dictionary: Dictionary, errorMessages: boolean) {
    this.#dictionary = dictionary
    this.#errorMessages = errorMessages
  }

  text(value: unknown): TextId {
    return this.#dictionary.intern(typeof value === 'string' ? value : String(value), LONGEST_TEXT)
  }

  textOrNull(value: unknown): TextId | null {
    return value === null || value === undefined ? null : this.text(value)
  }

  statement(text: string, parameters: number): TextId {
    return this.#dictionary.intern(statementText(text, parameters), LONGEST_STATEMENT)
  }

  /** An HTTP label is cut where a query string would begin. */
  label(value: string, isHttp: boolean): TextId {
    const end = isHttp ? value.search(/[?#]/) : -1
    return this.text(end < 0 ? value : value.slice(0, end))
  }

  site(site: Site | null): TextId | null {
    return site === null ? null : this.text(site.label)
  }

  frames(site: Site | null): TextId | null {
    return site === null || site.frames.length === 0
      ? null
      : this.#dictionary.intern(site.frames.join('\n'), LONGEST_FRAMES)
  }

  message(error: ErrorFacts): TextId {
    return this.text(this.#errorMessages ? fullMessage(error) : error.message)
  }
}
