import { expect, test } from 'vitest'
import type { Request, Statement, Transaction } from '../../model/state.ts'
import { judge } from '../index.ts'
import { thresholdsOf } from '../thresholds.ts'
import { aRequest, aStatement, aTransaction, found, LINE, made, sentences } from '../testing/made-up.ts'

const COMMIT = aStatement({ id: 'q2', transaction: 't1', text: 'COMMIT', command: 'ROLLBACK' })
const FAILED = { at: 5, statement: 'q1', code: '23505' }
const with_ = (facts: Partial<Transaction>, statements: Statement[] = [], request: Partial<Request> = {}) =>
  made({ requests: [aRequest({ transactions: [aTransaction(facts)], statements, ...request })] })
const ended = { endedAt: 10, outcome: 'rolled back' } as const

test('a commit that was answered with a rollback and no error has lied', () => {
  const lied = with_({ ...ended, asked: 'commit', failed: FAILED }, [
    aStatement({ transaction: 't1' }),
    COMMIT,
  ])
  expect(found(lied, 20)).toEqual(['bad lied commit t1'])
  expect(sentences(lied, 20)).toEqual([
    `POST /orders committed nothing on writer: the server answered COMMIT with ROLLBACK. Before that a statement failed with 23505 at ${LINE}.`,
  ])
  const prepared = with_({ ...ended, asked: 'prepare' }, [COMMIT])
  expect(sentences(prepared, 20)[0]).toContain('answered PREPARE TRANSACTION with ROLLBACK')
})

test.each([
  ['was committed', { endedAt: 10, outcome: 'committed', asked: 'commit' }, [COMMIT]],
  ['was rolled back as asked', { ...ended, asked: 'rollback' }, [COMMIT]],
  ['was refused', { ...ended, asked: 'commit' }, [{ ...COMMIT, error: { code: '40001', message: '' } }]],
] as const)('one that %s has not', (_, facts, statements) => {
  expect(found(with_(facts, [...statements]), 20)).not.toContain('bad lied commit t1')
})

test('a commit that was refused names where it was written, not where it was asked for', () => {
  const commit = { ...COMMIT, site: 'router.ts:1', error: { code: '23503', message: 'still referenced.' } }
  const wrote = aStatement({ transaction: 't1', command: 'UPDATE' })
  const refused = with_({ ...ended, asked: 'commit', failed: { ...FAILED, statement: 'q2' } }, [
    wrote,
    commit,
  ])
  expect(found(refused, 20)).toEqual(['bad commit refused t1'])
  expect(sentences(refused, 20)[0]).toBe(
    `The server refused the COMMIT of POST /orders on writer with 23503: nothing was committed. still referenced. It had written at ${LINE}: a constraint that is deferred, or a conflict with another transaction, shows only now.`,
  )
})

test('what followed on a statement that failed its transaction', () => {
  const ignored = [2, 3].map(n =>
    aStatement({ id: `q${n}`, transaction: 't1', error: { code: '25P02', message: '' } }),
  )
  const ending = { at: 9, why: 'handler failed', site: 'pay.ts:90' } as const
  const state = with_({ ...ended, asked: 'rollback', failed: FAILED, ending }, [
    aStatement({ transaction: 't1' }),
    ...ignored,
  ])
  expect(sentences(state, 20)[0]).toContain(
    'writer. 2 statements after it were ignored (25P02); rolled back at pay.ts:90: nothing was committed.',
  )
})

test('a write that was rolled back without a failure says why, and a read does not', () => {
  const wrote = [aStatement({ transaction: 't1', command: 'UPDATE' })]
  const because = (why: 'handler failed' | 'failed elsewhere' | null, command = 'UPDATE') => {
    const ending = why && { at: 9, why, site: LINE }
    const state = with_({ ...ended, asked: 'rollback', ending }, [{ ...wrote[0]!, command }])
    return judge(state, thresholdsOf(state), 20).map(({ severity, sentence }) => `${severity}: ${sentence}`)
  }
  expect(because('handler failed')).toEqual([
    `note: POST /orders committed nothing on writer: its 1 write was rolled back at ${LINE} (the handler threw).`,
  ])
  expect(because('failed elsewhere')[0]).toMatch(/^warn: .* \(another engine could not commit\)\.$/)
  expect(because(null)[0]).toMatch(/^note: .* \(rollback outside of sessions\)\.$/)
  expect(because('handler failed', 'SELECT')).toEqual([])
})

test('a commit that was forgotten after a write', () => {
  const ending = { at: 9, why: 'commit forgotten', site: LINE } as const
  expect(sentences(with_({ ...ended, asked: 'rollback', ending }), 20)).toEqual([
    `What POST /orders wrote on writer, at first at ${LINE}, was rolled back: it ended without commit().`,
  ])
  expect(found(with_({ ...ended, asked: 'rollback', ending: { ...ending, why: 'rollback' } }), 20)).toEqual(
    [],
  )
})

test('a connection that was lost, and not one that we closed', () => {
  const lost = { endedAt: 10, outcome: 'lost' } as const
  const last = aStatement({ error: { code: '57P01', message: '' } })
  const state = with_(lost, [last])
  expect(found(state, 20)).toEqual(['bad connection lost t1'])
  expect(sentences(state, 20)).toEqual([
    `POST /orders lost its connection c1 to writer with 57P01 at ${LINE}, and what it had done there with it.`,
  ])
  const thrownAway = with_({ ...lost, ending: { at: 9, why: 'client aborted', site: null } })
  expect(found(thrownAway, 20)).toEqual([])
})

test('a statement that failed its transaction, until a savepoint undoes that', () => {
  const state = with_({ failed: FAILED }, [aStatement({ transaction: 't1' })])
  expect(sentences(state, 20)).toEqual([
    `A statement of POST /orders failed with 23505 at ${LINE}, and with it the whole transaction on writer.`,
  ])
  expect(found(with_({}, [aStatement({ transaction: 't1' })]), 20)).toEqual([])
})

test('a statement that failed without a transaction is told if its request failed', () => {
  const statements = [aStatement({ error: { code: '42P01', message: 'there is no such table' } })]
  const failed = (request: Partial<Request>) =>
    sentences(made({ requests: [aRequest({ statements, endedAt: 10, ...request })] }), 20)
  const said = [`A statement of POST /orders failed at ${LINE}: 42P01 there is no such table`]
  expect(failed({ outcome: 'failed' })).toEqual(said)
  expect(failed({ outcome: 'finished', status: 500 })).toEqual(said)
  expect(failed({ outcome: 'finished', status: 499 })).toEqual([])
})

test('a client that went away explains what was rolled back', () => {
  const aborted = { endedAt: 10, outcome: 'aborted' } as const
  expect(found(made({ requests: [aRequest(aborted)] }), 20)).toEqual(['note client aborted u1, over'])
  const written = made({ requests: [aRequest({ ...aborted, transactions: [aTransaction(ended)] })] })
  expect(sentences(written, 20)).toEqual([
    'The client of POST /orders went away before the answer. Its work was rolled back.',
  ])
  expect(found(made({ requests: [aRequest({ ...aborted, outcome: 'finished' })] }), 20)).toEqual([])
})
