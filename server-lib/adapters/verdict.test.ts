import { expect, test } from 'vitest'
import { readAnswer } from './failed-answer.ts'
import { isFailure, verdictOf, type Facts } from './verdict.ts'

const FINE: Facts = {
  isRefused: false,
  isCut: false,
  isDoomed: false,
  asked: undefined,
  status: 200,
  said: undefined,
  undone: [],
}

test.each<[string, Partial<Facts>, ReturnType<typeof verdictOf>]>([
  ['nothing said', {}, undefined],
  ['a failure, which is for the vetoes', { status: 500 }, undefined],
  ['X-Tm: commit', { asked: 'commit' }, 'commit'],
  ['X-Tm: commit, whatever the status', { asked: 'commit', status: 500 }, 'commit'],
  ['X-Tm in capitals, with spaces', { asked: ' COMMIT ' }, 'commit'],
  ['X-Tm: abort', { asked: 'abort' }, 'vetoed'],
  ['X-Tm empty', { asked: '' }, 'vetoed'],
  ['X-Tm in a list', { asked: ['commit'] }, 'commit'],
  ['X-Tm twice', { asked: ['commit', 'commit'] }, 'vetoed'],
  ['doomed', { isDoomed: true, asked: 'commit' }, 'doomed'],
  ['cut', { isCut: true, isDoomed: true, asked: 'commit' }, 'client aborted'],
  ['refused', { isRefused: true, isCut: true, isDoomed: true, asked: 'commit' }, 'handler failed'],
])('%s', (_what, facts, verdict) => {
  expect(verdictOf({ ...FINE, ...facts })).toBe(verdict)
})

const json = (body: unknown) => readAnswer('application/json', JSON.stringify(body))
const half = { data: { pay: 1, ship: null }, errors: [{ message: 'no', path: ['ship'] }] }

test.each<[string, Partial<Facts>, boolean]>([
  ['a success', { status: 200 }, false],
  ['a redirection', { status: 399 }, false],
  ['a mistake of the client', { status: 400 }, true],
  ['a mistake of the server', { status: 500 }, true],
  ['a body that tells of a success', { said: json({ data: { pay: 1 } }) }, false],
  ['a body that tells of a failure', { said: json(half) }, true],
  ['a failure of a unit that was undone by itself', { said: json(half), undone: ['ship'] }, false],
  ['a failure of something else', { said: json(half), undone: ['pay'] }, true],
  ['a status beside a unit that was undone', { status: 500, said: json(half), undone: ['ship'] }, true],
])('%s', (_what, facts, failure) => {
  expect(isFailure({ ...FINE, ...facts })).toBe(failure)
})
