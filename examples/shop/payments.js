import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * A payment provider somewhere on the internet, or rather the time that it takes to ask one.
 *
 * @param {number} amountCents
 * @param {{ takesMs?: number }} [options]
 */
export async function charge(amountCents, { takesMs = 40 } = {}) {
  await sleep(takesMs)
  return { reference: randomUUID(), amountCents }
}
