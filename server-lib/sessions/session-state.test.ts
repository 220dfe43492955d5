import { expect, test } from 'vitest'
import type { SessionState } from '../channels/words.ts'
import { after, legalMoves, type SessionMove } from './session-state.ts'

test.each<[SessionState, SessionMove, SessionState | undefined]>([
  ['idle', 'begin', 'active'],
  ['idle', 'fail', undefined],
  ['idle', 'commit', 'idle'],
  ['active', 'fail', 'failed'],
  ['active', 'begin', undefined],
  ['active', 'commit', 'idle'],
  ['failed', 'recover', 'active'],
  ['failed', 'rollback', 'idle'],
  ['lost', 'commit', undefined],
  ['lost', 'rollback', 'idle'],
  ['ended', 'begin', undefined],
  ['ended', 'end', 'ended'],
])('%s, %s: %s', (state, move, next) => {
  expect(after(state, move)).toBe(next)
  expect(legalMoves(state).includes(move)).toBe(next !== undefined)
})
