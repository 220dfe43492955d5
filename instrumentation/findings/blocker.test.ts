import { expect, test } from 'vitest'
import { recorded } from '../model/testing/fixture.ts'
import { blockerName } from './blocker.ts'

const { state } = recorded('exhausted', 16_000)

test('a pid is named by the request that holds its connection, on that server only', () => {
  const open = [...state.transactions.values()][0]!
  const connection = state.connections.get(open.connection)!
  const request = state.requests.get(open.request)!
  const pid = connection.backendPid!
  expect(blockerName(state, connection.engine, pid)).toBe(`${request.label} ${request.id}`)
  expect(blockerName(state, 'logger', pid)).toBe(`pid ${pid}`)
  expect(blockerName(state, connection.engine, 999_999)).toBe('pid 999999')
  expect(blockerName(state, connection.engine, 0)).toBe('a prepared transaction')
})
