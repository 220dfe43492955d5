import type { CheckoutHolder } from '../channels/errors.ts'
import { LINE_NOT_TAKEN } from '../channels/words.ts'

/**
 * One holder as part of a sentence: `POST /orders (u88, c17, pid 20551) for 4.2 s, idle in transaction 3.9 s, since
 * orders.ts:41`.
 */
export function holderText(holder: CheckoutHolder): string {
  const owner = holder.requestLabel ?? '(outside of any request)'
  const ids = [holder.request, holder.connection, holder.backendPid && `pid ${holder.backendPid}`].filter(
    Boolean,
  )
  const kept = holder.keptFor === null ? '' : ` ${holder.keptFor},`
  const line = holder.site ? `since ${holder.site}` : holder.isLineTaken ? 'line unknown' : LINE_NOT_TAKEN
  return `${owner} (${ids.join(', ')}) for ${ms(holder.heldMs)}, ${holder.state} ${ms(holder.stateMs)},${kept} ${line}`
}

/** A duration for a sentence. */
export function ms(value: number): string {
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`
}
