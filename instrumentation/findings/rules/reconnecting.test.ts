import { expect, test } from 'vitest'
import type { Connection } from '../../model/state.ts'
import { found, made, sentences } from '../testing/made-up.ts'

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
