import { expect, test } from 'vitest'
import { found, made, sentences } from '../testing/made-up.ts'

const state = made({
  engine: { lastConnectError: { at: 1_000, code: 'ECONNREFUSED', message: 'nothing listens there' } },
})

test('an engine that could not connect is told for ten seconds', () => {
  expect(found(state, 10_999)).toEqual(['bad connect failed writer'])
  expect(found(state, 11_000)).toEqual(['bad connect failed writer, over'])
  expect(found(made({}), 1_000)).toEqual([])
  expect(sentences(state, 4_000)).toEqual([
    'writer cannot connect to its database at 127.0.0.1:5432. nothing listens there (3 s ago)',
  ])
})
