import { expect, test } from 'vitest'
import type { CountedStatements, Request, PanelState, Statement } from '../../model/state.ts'
import { aCheckout, aRequest, aStatement, aTransaction, made, sentences } from '../testing/made-up.ts'
import { judge } from '../index.ts'
import { thresholdsOf } from '../thresholds.ts'

/** What is found: its severity, kind and statement. */
const found = (state: PanelState, now: number): string[] =>
  judge(state, thresholdsOf(state), now).map(
    ({ severity, kind, about }) => `${severity} ${kind} ${about.statement}`,
  )

const times = (n: number, facts: (i: number) => Partial<Statement> = () => ({})) =>
  Array.from({ length: n }, (_, i) =>
    aStatement({ id: `q${i + 1}`, startedAt: i * 10, endedAt: i * 10 + 4, valuesHash: i, ...facts(i) }),
  )
const over = (statements: Statement[], facts: Partial<Request> = {}) =>
  made({ requests: [aRequest({ statements, endedAt: 2_000, outcome: 'finished', ...facts })] })
const said = (statements: Statement[], facts: Partial<Request> = {}) =>
  sentences(over(statements, facts), 2_000)

const ORDERS = aStatement({
  id: 'q0',
  text: 'select * from orders',
  rows: 8,
  startedAt: -20,
  endedAt: -10,
  site: 'src/orders.ts:39',
})

test('different values are an N+1, with the statement whose rows it was probably for', () => {
  expect(said([ORDERS, ...times(8)])).toEqual([
    'POST /orders sent 8 similar statements from one line, with different values, one after the other, which took 32 ms: fetch them at once. Probably for the 8 rows of “select * from orders” at src/orders.ts:39.',
  ])
})

test.each([
  ['returned one row', { rows: 1 }],
  ['returned far more rows', { rows: 99 }],
  ['was not answered before', { endedAt: 5 }],
  ['is no question', { text: 'SAVEPOINT a' }],
])('no guess where what came before %s', (_, facts) => {
  expect(said([{ ...ORDERS, ...facts }, ...times(8)])[0]).toMatch(/fetch them at once\.$/)
})

test('the same values are duplicates, some of each are both', () => {
  expect(said(times(8, () => ({ valuesHash: 7 })))).toEqual([
    'POST /orders sent 8 similar statements from one line, with the same values each time, one after the other, which took 32 ms: ask once, and keep the answer.',
  ])
  expect(said(times(8, i => ({ valuesHash: i % 2 })))[0]).toContain('with only 2 different sets of values')
  expect(found(over(times(8, i => ({ valuesHash: i % 2 }))), 2_000)).toEqual(['warn duplicate statements q1'])
  expect(said(times(20, i => ({ valuesHash: i % 6 })))[0]).toContain('with 6 different sets of values')
  expect(found(over(times(20, i => ({ valuesHash: i % 6 }))), 2_000)).toEqual(['warn n+1 q1'])
  expect(found(over(times(8, () => ({ valuesHash: null }))), 2_000)).toEqual(['warn similar statements q1'])
})

test('a burst says how many connections it took, and what only queued took one', () => {
  const burst = (connections: number, queuedMs = 0) =>
    times(50, i => ({
      startedAt: queuedMs ? i * 4 : Math.floor(i / connections) * 10,
      endedAt: queuedMs ? i * 4 + 4 : Math.floor(i / connections) * 10 + 10,
      queuedMs: queuedMs && i * 4,
      connection: `c${i % connections}`,
    }))
  expect(said(burst(10))[0]).toContain('10 at once on 10 connections, which took 50 ms')
  expect(said(burst(1, 1))[0]).toContain('sent at once and queued on 1 connection, which took 200 ms')
})

test('what waits for one connection of a pool was sent at once, too', () => {
  const statements = times(20, i => ({ checkout: `k${i}` }))
  const checkouts = statements.map(({ checkout }, i) =>
    aCheckout({ id: checkout!, askedAt: 0, acquiredAt: i * 10, endedAt: i * 10 + 9, state: 'released' }),
  )
  expect(said(statements, { checkouts })[0]).toContain('sent at once and queued on 1 connection')
})

test('several statements in turn are one finding with its parts', () => {
  const sites = ['src/a.ts:1', 'src/a.ts:2', 'src/b.ts:9']
  const interleaved = times(180, i => ({ text: `select ${'abc'[i % 3]} from t`, site: sites[i % 3]! }))
  expect(found(over(interleaved), 2_000)).toEqual(['warn repeated sequence q1'])
  expect(said(interleaved)).toEqual([
    'POST /orders sent 180 similar statements, 3 in turn 60 times, which took 720 ms: a loop sends them, so fetch at once what it needs. In turn: “select a from t” (×60, src/a.ts:1); “select b from t” (×60, src/a.ts:2); “select c from t” (×60, src/b.ts:9).',
  ])
  // With BEGIN and COMMIT between them, and a branch that is taken now and then.
  const branching = interleaved.flatMap((one, i) => [
    one,
    ...(i % 3 === 2 ? [aStatement({ id: `x${i}`, text: 'COMMIT' })] : []),
    ...(i % 15 === 7 ? [aStatement({ id: `y${i}`, text: 'select d from t' })] : []),
  ])
  expect(found(over(branching), 2_000)[0]).toBe('warn repeated sequence q1')
})

test('in the midst of a round it is the same finding', () => {
  for (let n = 9; n < 40; n++) {
    const state = over(
      times(n, i => ({ text: `select ${i % 2}` })),
      { endedAt: null },
    )
    expect(found(state, 999)).toEqual(['warn repeated sequence q1'])
  }
})

test.each<[string, (i: number) => Partial<Statement>]>([
  [
    'an INSERT of many rows',
    () => ({ text: 'insert into t values ($1), ($2)', command: 'INSERT', rows: 100 }),
  ],
  ['an UPDATE in steps', () => ({ text: 'update t set n = 1 where id > $1 and id < $2', rows: 1_000 })],
  ['COPY', () => ({ text: 'copy t from stdin' })],
  ['a fetch of a cursor', () => ({ text: 'fetch 100 from c' })],
  [
    'a page of a result',
    i => ({ text: 'select * from t where id > $1 order by id limit 50', rows: i < 7 ? 50 : 3 }),
  ],
  ['a page by its number', i => ({ text: 'select * from t limit $1 offset $2', rows: i < 7 ? 50 : 3 })],
  ['BEGIN behind a comment', () => ({ text: '/*…*/ BEGIN' })],
  ['a lock', () => ({ text: 'lock table t' })],
  [
    'a job that takes the next row',
    () => ({ text: 'select * from jobs limit 1 for update skip locked', valuesHash: 1 }),
  ],
  ['DDL', () => ({ text: 'create table t (id int)' })],
])('%s is repeated for a reason', (_, facts) => {
  expect(found(over(times(8, facts)), 2_000)).toEqual([])
})

test('what a retry repeats is no repetition, and a loop in a failed transaction is one', () => {
  const failed = (i: number) =>
    aTransaction({ id: `t${i}`, failed: { at: 1, statement: `q${i}`, code: '40001' }, endedAt: 9 })
  const transactions = [0, 1, 2, 3, 4, 5, 6].map(failed)
  const retried = times(8, i => ({ transaction: `t${i}`, valuesHash: 1 }))
  expect(
    found(over(retried, { transactions }), 2_000).filter(key => !/transaction|statement failed/.test(key)),
  ).toEqual([])
  const loop = times(8, () => ({ transaction: 't1' }))
  expect(found(over(loop, { transactions: [failed(1)] }), 2_000)).toContain('warn n+1 q1')
})

test('a failed transaction does not hide the loop around the others', () => {
  const transactions = [
    aTransaction({ id: 't0', failed: { at: 1, statement: 'q1', code: '40001' }, endedAt: 9 }),
  ]
  for (let n = 1; n < 9; n++)
    transactions.push(aTransaction({ id: `t${n}`, endedAt: 9, outcome: 'committed' }))
  const loop = times(9, i => ({ transaction: `t${i}` }))
  expect(said(loop, { transactions }).join()).toContain('sent 8 similar statements')
})

test('a question that is asked again from another line is a note, unless something was written between', () => {
  const settings = (id: string, facts: Partial<Statement> = {}) =>
    aStatement({ id, text: 'select * from settings where user_id = $1', valuesHash: 5, ...facts })
  const twice = [settings('q1'), settings('q2', { site: 'src/menu.ts:7', startedAt: 20, endedAt: 21 })]
  expect(found(over(twice), 2_000)).toEqual(['note duplicate statements q1'])
  expect(said(twice)).toEqual([
    'POST /orders asked 1 time for what it had been told, and nothing was written between: “select * from settings where user_id = $1”. Asked at src/orders.ts:41, src/menu.ts:7.',
  ])
  const write = aStatement({ id: 'w', text: 'update settings set a = 1' })
  expect(found(over([twice[0]!, write, twice[1]!]), 2_000)).toEqual([])
  expect(found(over([twice[0]!, { ...twice[1]!, valuesHash: 6 }]), 2_000)).toEqual([])
  expect(found(over([twice[0]!, { ...twice[1]!, valuesHash: null }]), 2_000)).toEqual([])
  expect(found(over([twice[0]!, { ...twice[1]!, startedAt: 1_500 }]), 2_000)).toEqual([])
})

const COUNTED: CountedStatements = {
  part: 0,
  engine: 'writer',
  text: 'select * from items where order_id = $1',
  parameters: 1,
  site: 'src/orders.ts:41',
  within: 'placeOrder',
  total: 4_500,
  running: 0,
  failed: 0,
  rows: 4_500,
  command: 'SELECT',
  summedMs: 900,
  spentMs: 900,
  queuedMs: 0,
  firstAt: 100,
  lastAt: 1_900,
  atOnce: 1,
  connections: 1,
  valuesHash: 1,
  distinct: 64,
}

test('those that are only counted belong to the same finding, and are one of their own where none is kept', () => {
  expect(said(times(8), { counted: [COUNTED], omitted: 4_500 })[0]).toContain(
    '4,508 similar statements from one line, with different values, one after the other, which took 932 ms',
  )
  const alone = over([], { counted: [COUNTED], omitted: 4_500 })
  expect(found(alone, 2_000)).toHaveLength(1)
  expect(sentences(alone, 2_000)[0]).toContain('sent 4,500 similar statements')
  const same = { ...COUNTED, distinct: 1 }
  expect(
    said(
      times(8, () => ({ valuesHash: 1 })),
      { counted: [same] },
    )[0],
  ).toContain('with the same values each time')
})

test('while it goes on, the number is a lower bound', () => {
  expect(said(times(240), { endedAt: null })[0]).toContain('sent at least 240 similar statements')
})
