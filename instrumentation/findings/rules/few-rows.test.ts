import { expect, test } from 'vitest'
import { NO_CONTEXT, type Connection } from '../../model/state.ts'
import { aCheckout, aHold, aRequest, aStatement, found, LINE, made, sentences } from '../testing/made-up.ts'

test('a write that was refused because only reads are allowed', () => {
  const refused = aStatement({ text: 'update orders set n = 1', error: { code: '25006', message: '' } })
  const on = (access: 'read' | 'write', statement = refused) =>
    made({ engine: { access }, requests: [aRequest({ statements: [statement] })] })
  expect(found(on('read'), 10)).toEqual(['bad write refused q1'])
  expect(sentences(on('read'), 10)[0]).toBe(
    `POST /orders tried to write on writer, which only reads, at ${LINE}: UPDATE of orders was refused (25006).`,
  )
  expect(sentences(on('write'), 10)[0]).toContain('in a transaction that only reads')
  expect(found(on('read', aStatement({ error: { code: '42501', message: '' } })), 10)).toEqual([])
})

test('a connection that was handed on while a statement still ran on it names both lines', () => {
  const foundRunning = { id: 'q7', checkout: 'k7', request: 'u2', site: 'src/export.ts:9' }
  const shared = made({
    requests: [
      aRequest({ checkouts: [aHold(5, { foundRunning })] }),
      aRequest({ id: 'u2', label: 'GET /export' }),
    ],
  })
  expect(found(shared, 10)).toEqual(['bad shared connection k1'])
  expect(sentences(shared, 10)[0]).toContain(
    `POST /orders (${LINE}) got connection c1 of writer while a statement of GET /export (src/export.ts:9) still ran on it: two holders have it.`,
  )
})

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

test('a pool that opens its connections again and again', () => {
  const opened = (count: number) => {
    const state = made({})
    const connections = Array.from({ length: count }, (_, n): [string, Connection] => {
      const id = `c${n}`
      const pool = 'writer#1'
      const disconnected = { at: n + 1, reason: 'used in vain' } as const
      return [id, { ...emptyConnection, id, engine: 'writer', pool, connectedAt: n * 100, disconnected }]
    })
    return { ...state, connections: new Map(connections) }
  }
  expect(found(opened(20), 10_000)).toEqual(['warn reconnecting writer#1'])
  expect(sentences(opened(20), 10_000)).toEqual([
    'writer opened 20 connections in the last minute, for a pool of 2. 20 of them are closed again, most often: used in vain.',
  ])
  expect(found(opened(19), 10_000)).toEqual([])
  expect(found(opened(20), 61_000)).toEqual([])
})

const emptyConnection = {
  slot: 0,
  backendPid: 1,
  uses: 0,
  counting: null,
  transaction: null,
  running: [],
  lastStatement: null,
}

test('an engine that was closed, and whose connections are still held', () => {
  const state = made({ engine: { closed: true }, requests: [aRequest({ checkouts: [aHold(0)] })] })
  const pools = new Map(
    [...state.pools].map(([id, pool]) => [id, { ...pool, retired: true, retiredAt: 1_000 }]),
  )
  expect(found({ ...state, pools }, 1_999)).toEqual([])
  expect(found({ ...state, pools }, 2_000)).toEqual(['warn not ended writer#1'])
  expect(sentences({ ...state, pools }, 4_000)[0]).toBe(
    `writer is closed, and 1 connection of it is still held after 3.0 s, one by POST /orders, taken at ${LINE}. It ends when they are given back.`,
  )
  expect(found(state, 9_000)).toEqual([])
})
