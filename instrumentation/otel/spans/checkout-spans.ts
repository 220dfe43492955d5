import type { Attributes, Context } from '@opentelemetry/api'
import { SpanKind, context } from '../api.ts'
import type { CheckoutMessage } from '../../../server-lib/channels/index.ts'
import { BoundedMap } from '../bounded-map.ts'
import { failSpan } from '../failure.ts'
import {
  BACKEND_PID,
  CHECKOUT_HOLDERS,
  CHECKOUT_ID,
  CHECKOUT_WAIT_TIME,
  CONNECTION_ID,
  POOL,
  SLOT,
} from '../semconv.ts'
import { lineAttributes, outermostAttributes } from './attributes.ts'
import type { SpanTree } from './span-tree.ts'

type Of<P extends CheckoutMessage['phase']> = Extract<CheckoutMessage, { phase: P }>

const WAITING_AT_ONCE = 10_000
const HOLDERS_SHOWN = 20

interface Waiting {
  readonly start: Of<'start'>
  readonly active: Context
}

/**
 * An INTERNAL span for the wait for a connection, if the wait was long enough or failed. It is made when the wait is
 * over, with the time and the parent of its beginning.
 */
export class CheckoutSpans {
  readonly #tree: SpanTree
  readonly #waiting = new BoundedMap<Waiting>(WAITING_AT_ONCE)

  constructor(tree: SpanTree) {
    this.#tree = tree
  }

  get size(): number {
    return this.#waiting.size
  }

  handle(message: CheckoutMessage): void {
    switch (message.phase) {
      case 'start':
        return this.#start(message)
      case 'acquired':
        return this.#acquired(message)
      case 'failed':
        return this.#failed(message)
      case 'dirty':
      case 'overdue':
      case 'kept':
      case 'released':
        return
      default:
        message satisfies never
    }
  }

  /** 1st: a connection is requested. */
  #start(start: Of<'start'>): void {
    this.#waiting.set(start.id, { start, active: context.active() })
  }

  /** 2nd: it was granted. The context here is arbitrary: often the releasing caller's. */
  #acquired(message: Of<'acquired'>): void {
    const waiting = this.#waiting.take(message.id)
    if (!waiting || message.waitMs <= this.#tree.options.checkoutSpanThresholdMs) return
    const { connection, slot, backendPid } = message
    this.#open(waiting, message.waitMs, {
      [CONNECTION_ID]: connection,
      [SLOT]: slot,
      [BACKEND_PID]: backendPid ?? undefined,
    }).end(message.at)
  }

  /** 2nd, alternatively: the request failed. */
  #failed(message: Of<'failed'>): void {
    const waiting = this.#waiting.take(message.id)
    if (!waiting) return
    const open = this.#open(waiting, message.waitMs, {})
    const holders = message.holders.slice(0, HOLDERS_SHOWN).map(holder => {
      const by = holder.request ? `request ${holder.request}` : 'work outside of any request'
      return `${holder.connection} (pid ${holder.backendPid ?? '?'}) ${holder.state} held ${Math.round(holder.heldMs)} ms by ${by}${holder.site ? ` from ${holder.site}` : ''}`
    })
    if (holders.length > 0) open.span.setAttribute(CHECKOUT_HOLDERS, holders)
    failSpan(open.span, message.error, this.#tree.options.errorMessages)
    open.end(message.at)
  }

  #open({ start, active }: Waiting, waitMs: number, connection: Attributes) {
    const attributes: Attributes = {
      ...outermostAttributes(this.#tree.engines.of(start.engine), start),
      [POOL]: start.pool,
      [CHECKOUT_ID]: start.id,
      [CHECKOUT_WAIT_TIME]: waitMs / 1000,
      ...connection,
      ...(this.#tree.options.lines ? lineAttributes(start.site) : undefined),
    }
    return this.#tree.start(
      'enginelight.checkout',
      SpanKind.INTERNAL,
      start.at,
      attributes,
      this.#tree.ofSession(start, active),
    )
  }
}
