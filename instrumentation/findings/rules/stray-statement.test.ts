import { expect, test } from 'vitest'
import type { Request, Statement } from '../../model/state.ts'
import { aRequest, aStatement, aTransaction, found, LINE, made, sentences } from '../testing/made-up.ts'

const inside = aStatement({ transaction: 't1', startedAt: 1, endedAt: 2 })
const outside = (facts: Partial<Statement> = {}, request: Partial<Request> = {}) =>
  made({
    requests: [
      aRequest({
        endedAt: 100,
        outcome: 'finished',
        transactions: [aTransaction({ startedAt: 1, endedAt: 50, outcome: 'committed', asked: 'commit' })],
        statements: [
          inside,
          aStatement({ id: 'q2', connection: 'c2', startedAt: 10, endedAt: 12, ...facts }),
        ],
        ...request,
      }),
    ],
  })

test('a statement on another connection of the engine, while a transaction is open', () => {
  const key = `warn stray statement t1 ${LINE}, over`
  expect(found(outside(), 200)).toEqual([key])
  expect(sentences(outside(), 200)).toEqual([
    `SELECT of items of POST /orders ran outside of its open transaction on writer, at ${LINE}. It used another connection: it saw nothing that the transaction had written, and is not undone with it.`,
  ])
})

test.each([
  ['after the transaction', { startedAt: 50, endedAt: 51 }, {}],
  ['before it', { startedAt: 0 }, {}],
  ['on its connection', { connection: 'c1' }, {}],
  ['in a transaction of its own', { transaction: 't2' }, {}],
  ['on another engine, as a log', { engine: 'log' }, {}],
  ['that opens a transaction', { text: 'BEGIN' }, {}],
  ['that listens', { text: 'LISTEN jobs' }, {}],
  ['outside of any request', {}, { kind: 'no context' }],
] as const)('not one %s', (_, facts, request) => {
  expect(found(outside(facts, request), 200)).toEqual([])
})
