import type { Attributes } from '@opentelemetry/api'
import type { StatementMessage } from '../../../server-lib/channels.ts'
import { BoundedMap } from '../bounded-map.ts'
import type { EngineFacts } from '../engine-facts.ts'
import { failureAttributes } from '../failure.ts'
import { DB_OPERATION_NAME, DB_QUERY_SUMMARY } from '../semconv.ts'
import type { StatementFacts, StatementTexts } from '../sql/statement-facts.ts'
import type { InstrumentSource } from './instruments.ts'

const UNANSWERED_AT_ONCE = 10_000
/** A table per tenant or per month makes summaries without end; those beyond these are counted without one. */
const SUMMARIES = 200

/** `db.client.operation.duration`: every statement, whether or not it has a span. */
export class OperationMetrics {
  readonly #instruments: InstrumentSource
  readonly #engines: EngineFacts
  readonly #texts: StatementTexts
  readonly #unanswered = new BoundedMap<Attributes>(UNANSWERED_AT_ONCE)
  readonly #summaries = new Set<string>()

  constructor(instruments: InstrumentSource, engines: EngineFacts, texts: StatementTexts) {
    this.#instruments = instruments
    this.#engines = engines
    this.#texts = texts
  }

  get size(): number {
    return this.#unanswered.size
  }

  handle(message: StatementMessage): void {
    switch (message.phase) {
      case 'start': {
        const facts = this.#texts.of(message.text, message.parameters)
        this.#unanswered.set(message.id, {
          ...this.#engines.ofMetric(message.engine),
          ...this.#operation(facts),
        })
        return
      }
      case 'end': {
        const attributes = this.#unanswered.take(message.id)
        if (!attributes) return
        if (message.error) Object.assign(attributes, failureAttributes(message.error))
        this.#instruments.current().operationDuration.record(message.durationMs / 1000, attributes)
        return
      }
      default:
        message satisfies never
    }
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
