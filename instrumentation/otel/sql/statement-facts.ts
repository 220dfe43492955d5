import { readingOf } from '../../../server-lib/readings.ts'
import { controlOperation, type ControlOperation } from './control-operation.ts'
import { querySummary } from './query-summary.ts'

/** What a statement's text alone shows. */
export interface StatementFacts {
  /** Null for anything that is not transaction control. */
  readonly control: ControlOperation | null
  /** Undefined if the text could not be read. */
  readonly summary: string | undefined
  /** Without literals, and cut; undefined if the options want none. */
  readonly text: string | undefined
  readonly parameters: number
}

export interface TextOptions {
  readonly statementText: 'parameterised' | 'none'
  readonly maxTextLength: number
}

const TEXTS_KEPT = 1_000
/** A longer text is most likely a bulk insert, which will not come again. */
const LONGEST_TEXT_KEPT = 4_096

/**
 * Facts about statements, kept by text: an application has few texts and runs each many times. A text with literals is
 * read anew each time and not kept.
 */
export class StatementTexts {
  readonly #options: TextOptions
  /** By system, and text. */
  readonly #facts = new Map<string, Map<string, StatementFacts>>()
  /** For the latest statement: the metrics and the spans each ask for it, one after the other. */
  #latest: { readonly system: string; readonly text: string; readonly facts: StatementFacts } | undefined

  constructor(options: TextOptions) {
    this.#options = options
  }

  /** `system` is the `db.system.name` of the statement's engine. */
  of(system: string, text: string, parameters: number): StatementFacts {
    const latest = this.#latest
    if (latest && latest.text === text && latest.facts.parameters === parameters && latest.system === system)
      return latest.facts
    let facts = this.#facts.get(system)
    if (!facts) this.#facts.set(system, (facts = new Map()))
    const known = facts.get(text)
    if (known && known.parameters === parameters) {
      this.#latest = { system, text, facts: known }
      return known
    }
    const reading = readingOf(system)
    const shown = reading.shown(text, parameters)
    const control = controlOperation(reading, text)
    const read: StatementFacts = {
      control,
      summary: control === null ? querySummary(text) : undefined,
      text: this.#asChosen(shown),
      parameters,
    }
    if (shown !== text || text.length > LONGEST_TEXT_KEPT) return read
    // Cleared when full: cheaper than an order of use, and an application with so many texts generates them.
    if (facts.size >= TEXTS_KEPT) facts.clear()
    facts.set(text, read)
    return read
  }

  #asChosen(shown: string): string | undefined {
    const { statementText: choice, maxTextLength } = this.#options
    switch (choice) {
      case 'none':
        return undefined
      case 'parameterised':
        return shown.length > maxTextLength ? `${shown.slice(0, maxTextLength - 1)}…` : shown
      default:
        return choice satisfies never
    }
  }
}
