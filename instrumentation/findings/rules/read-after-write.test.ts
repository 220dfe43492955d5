import { expect, test } from 'vitest'
import type { Engine, Statement } from '../../model/state.ts'
import { aRequest, aStatement, aTransaction, made, sentences } from '../testing/made-up.ts'

const WRITE = aStatement({
  transaction: 't1',
  text: 'update orders set n = $1',
  endedAt: 4,
  command: 'UPDATE',
})

/** A write on writer that was committed at 10, and a read. */
const said = (
  read: Partial<Statement>,
  replica: Partial<Engine> = {},
  outcome: 'committed' | 'rolled back' = 'committed',
) => {
  const statement = aStatement({
    id: 'q2',
    engine: 'replica',
    connection: 'c9',
    text: 'select * from orders where id = $1',
    site: 'src/show.ts:3',
    startedAt: 16,
    endedAt: 17,
    ...read,
  })
  const transactions = [
    aTransaction({ endedAt: 10, outcome, asked: outcome === 'committed' ? 'commit' : 'rollback' }),
  ]
  const request = aRequest({ endedAt: 20, outcome: 'finished', transactions, statements: [WRITE, statement] })
  const state = made({ requests: [request] })
  const writer = state.engines.get('writer')!
  const engines = new Map([
    ...state.engines,
    ['replica', { ...writer, engine: 'replica', server: 'other:5432', ...replica }],
  ])
  return sentences({ ...state, engines }, 200).filter(sentence => sentence.includes('stale'))
}

test('a read of the same table on another engine, soon after', () => {
  expect(said({})).toEqual([
    'POST /orders possibly read orders stale: on replica, at src/show.ts:3, 6.0 ms after it had committed it on writer (written at src/orders.ts:41). A replica may lag behind. By the names of tables in the texts, so it is a guess.',
  ])
  expect(said({}, { server: '127.0.0.1:5432' })[0]).toContain('Here both engines have one server')
  expect(said({}, {}, 'rolled back')[0]).toContain('16 ms after it had written it, uncommitted, on writer')
})

test.each([
  ['on the same engine', { engine: 'writer' }, {}],
  ['of another table', { text: 'select * from items' }, {}],
  ['long after', { startedAt: 10_001 }, {}],
  ['of another database', {}, { database: 'logs' }],
  ['that is a write', { text: 'insert into orders values (1)' }, {}],
])('not one %s', (_, read, replica) => expect(said(read, replica)).toEqual([]))
