import type { Attributes } from '@opentelemetry/api'
import type { StatementMessage } from '../../../server-lib/channels/index.ts'
import { BoundedMap } from '../bounded-map.ts'
import type { EngineFacts } from '../engine-facts.ts'
import { failureAttributes } from '../failure.ts'
import { DB_OPERATION_NAME, DB_QUERY_SUMMARY } from '../semconv.ts'
import type { StatementFacts } from '../sql/statement-facts.ts'
import type { InstrumentSource } from './instruments.ts'

const UNANSWERED_AT_ONCE = 10_000
/** A table per tenant or per month makes endless summaries; statements beyond this many are counted without one. */
const SUMMARIES = 200

/** `db.client.operation.duration`: every statement, with or without a span. */
export class OperationMetrics {
  readonly #instruments: InstrumentSource
  readonly #engines: EngineFacts
  readonly #unanswered = new BoundedMap<Attributes>(UNANSWERED_AT_ONCE)
  readonly #summaries = new Set<string>()
  readonly #attributes = new WeakMap<StatementFacts, { engine: Attributes; attributes: Attributes }>()

  constructor(instruments: InstrumentSource, engines: EngineFacts) {
    this.#instruments = instruments
    this.#engines = engines
  }

  get size(): number {
    return this.#unanswered.size
  }

  /** 1st: a statement goes to the server. */
  started({ id, engine }: Extract<StatementMessage, { phase: 'start' }>, facts: StatementFacts): void {
    if (this.#instruments.current()) this.#unanswered.set(id, this.#attributesOf(engine, facts))
  }

  /** 2nd: it was answered. */
  ended({ id, durationMs, error }: Extract<StatementMessage, { phase: 'end' }>): void {
    const attributes = this.#unanswered.take(id)
    if (!attributes) return
    const all = error ? { ...attributes, ...failureAttributes(error) } : attributes
    this.#instruments.current()?.operationDuration.record(durationMs / 1000, all)
  }

  /** The same object for the same statement, as long as its engine's address stays. */
  #attributesOf(name: string, facts: StatementFacts): Attributes {
    const engine = this.#engines.of(name).where
    const known = this.#attributes.get(facts)
    if (known?.engine === engine) return known.attributes
    const attributes = { ...engine, ...this.#operation(facts) }
    this.#attributes.set(facts, { engine, attributes })
    return attributes
  }

  #operation({ control, summary }: StatementFacts): Attributes {
    if (control !== null) return { [DB_OPERATION_NAME]: control }
    if (summary === undefined) return {}
    if (!this.#summaries.has(summary)) {
      if (this.#summaries.size >= SUMMARIES) return {}
      this.#summaries.add(summary)
    }
    return { [DB_QUERY_SUMMARY]: summary }
  }
}
