import type { CheckoutMessage, ErrorFacts } from '../../../server-lib/channels.ts'
import { POOL_NAME } from '../semconv.ts'
import type { InstrumentSource } from './instruments.ts'

/** How long connections were waited for and held, and how often in vain. Each message has all that is needed. */
export class CheckoutMetrics {
  readonly #instruments: InstrumentSource

  constructor(instruments: InstrumentSource) {
    this.#instruments = instruments
  }

  handle(message: CheckoutMessage): void {
    const pool = { [POOL_NAME]: message.engine }
    switch (message.phase) {
      case 'start':
      case 'dirty':
      case 'overdue':
        return
      case 'acquired':
        return this.#instruments.current()?.waitTime.record(message.waitMs / 1000, pool)
      case 'failed':
        if (isTimeout(message.error)) this.#instruments.current()?.timeouts.add(1, pool)
        return
      case 'released':
        return this.#instruments.current()?.useTime.record(message.heldMs / 1000, pool)
      default:
        message satisfies never
    }
  }
}

/** Ours, knex's, and pg-pool's, which has neither a class nor a code of its own. */
function isTimeout({ code, type, message }: ErrorFacts): boolean {
  return (
    code === 'EL_CHECKOUT_TIMEOUT' ||
    type === 'KnexTimeoutError' ||
    type === 'TimeoutError' ||
    message.startsWith('timeout exceeded when trying to connect')
  )
}
