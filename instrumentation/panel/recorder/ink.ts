import {
  engineReports,
  type ErrorFacts,
  type Site,
  type StatementMessage,
} from '../../../server-lib/channels/index.ts'
import { fullMessage } from '../../../server-lib/channels/errors.ts'
import { readingOf } from '../../../server-lib/readings.ts'
import { valuesHash } from '../../../server-lib/identity/values-hash.ts'
import type { TextId } from '../../model/codec.ts'
import { literalsOf } from '../../model/sql-literals.ts'
import type { Dictionary } from './dictionary.ts'
import { count, id } from './plain.ts'

type Sent = Pick<
  Extract<StatementMessage, { phase: 'start' }>,
  'engine' | 'text' | 'parameters' | 'valuesHash'
>

const LONGEST_STATEMENT = 4 * 1024
const LONGEST_TEXT = 1024
const LONGEST_FRAMES = 4 * 1024

/** Turns the texts of messages into ids, after removing what may not be shown. */
export class Ink {
  readonly #dictionary: Dictionary
  readonly #errorMessages: boolean
  /** The `db.system.name` of each engine whose statements were seen. */
  readonly #systems = new Map<string, string>()
  /** The text that was shown last: the same statement is asked about again at once. */
  #shown = ''

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

  /** A statement's text without its literals. */
  shown({ engine, text, parameters }: Sent): string {
    const shown = readingOf(this.#systemOf(id(engine))).shown(text, count(parameters))
    this.#shown = shown
    return shown
  }

  internShown(shown: string): TextId {
    return this.#dictionary.intern(shown, LONGEST_STATEMENT)
  }

  /** Of the values of a statement's parameters and of the literals in its text. By default of the one shown last. */
  valuesHash(sent: Sent, shown = this.#shown): number | null {
    const hash = typeof sent.valuesHash === 'number' ? sent.valuesHash : null
    if (shown === sent.text || hash === null) return hash
    return valuesHash([hash, ...literalsOf(sent.text)])
  }

  #systemOf(engine: string): string | undefined {
    const known = this.#systems.get(engine)
    if (known !== undefined) return known
    const report = engineReports().find(({ description }) => description.engine === engine)
    if (report) this.#systems.set(engine, report.description.system)
    return report?.description.system
  }

  /** An engine of this name is declared anew, perhaps on another database. */
  forgetSystem(engine: string): void {
    this.#systems.delete(engine)
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
