import { expect, test } from 'vitest'
import { NO_CONTEXT } from '../../model/state.ts'
import { aCheckout, aHold, aRequest, found, LINE, made, sentences } from '../testing/made-up.ts'

test('work outside of any request, from a line that also runs inside of requests', () => {
  const inside = aRequest({ endedAt: 10, checkouts: [aHold(0, { state: 'released', endedAt: 9 })] })
  const outside = (askedAt: number, site: string) =>
    aRequest({
      id: NO_CONTEXT,
      kind: 'no context',
      checkouts: [
        aCheckout({ id: 'k2', request: NO_CONTEXT, state: 'released', endedAt: 60, askedAt, site }),
      ],
    })
  const state = made({ requests: [inside, outside(50, LINE)] })
  expect(found(state, 99)).toEqual([`warn context lost ${LINE}, over`])
  expect(sentences(state, 99)[0]).toContain(
    `1 check-out of writer at ${LINE} ran outside of any request, and the same line runs inside of POST /orders.`,
  )
  expect(found(made({ requests: [inside, outside(50, 'src/job.ts:1')] }), 99)).toEqual([])
  // At the start of the process, before any request.
  expect(found(made({ requests: [inside, outside(-9, LINE)] }), 99)).toEqual([])
})
