import type { Attributes } from '@opentelemetry/api'
import type { CheckoutMessage, ErrorFacts } from '../../../server-lib/channels/index.ts'
import { POOL_NAME } from '../semconv.ts'
import type { InstrumentSource } from './instruments.ts'

/** How long connections were waited for and held, and how often in vain. Each message contains all that is needed. */
export class CheckoutMetrics {
  readonly #instruments: InstrumentSource
  readonly #pools = new Map<string, Attributes>()

  constructor(instruments: InstrumentSource) {
    this.#instruments = instruments
  }

  handle(message: CheckoutMessage): void {
    switch (message.phase) {
      case 'start':
      case 'dirty':
      case 'overdue':
      case 'kept':
        return
      case 'acquired':
        return this.#instruments.current()?.waitTime.record(message.waitMs / 1000, this.#pool(message))
      case 'failed':
        if (isTimeout(message.error)) this.#instruments.current()?.timeouts.add(1, this.#pool(message))
        return
      case 'released':
        return this.#instruments.current()?.useTime.record(message.heldMs / 1000, this.#pool(message))
      default:
        message satisfies never
    }
  }

  /** Reuses one object per engine: an application has few. */
  #pool({ engine }: CheckoutMessage): Attributes {
    let pool = this.#pools.get(engine)
    if (!pool) this.#pools.set(engine, (pool = { [POOL_NAME]: engine }))
    return pool
  }
}

/** Our timeouts, knex's, and pg-pool's, whose error has neither a class nor a code of its own. */
function isTimeout({ code, type, message }: ErrorFacts): boolean {
  return (
    code === 'EL_CHECKOUT_TIMEOUT' ||
    type === 'KnexTimeoutError' ||
    type === 'TimeoutError' ||
    message.startsWith('timeout exceeded when trying to connect')
  )
}
