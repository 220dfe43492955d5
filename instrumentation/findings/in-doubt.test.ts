import { expect, test } from 'vitest'
import { locksOf } from './in-doubt.ts'
import type { Connection, Transaction } from '../model/state.ts'

const connection = { backendPid: 7 } as Connection
const transaction = { engine: 'writer' } as Transaction
const open = [{ pid: 7, locks: [], blockedBy: [8] }]

test.each([
  ['no answer yet', null, undefined],
  ['its server has not been asked since it began', { writer: [] }, undefined],
  ['another engine has a backend of this number', { reader: open }, undefined],
  [
    'its server was not asked',
    { writer: 'all 3 connections are in use' },
    { unasked: 'all 3 connections are in use' },
  ],
  ['its server was asked', { writer: open }, open[0]],
])('the locks of a transaction: %s', (_, answers, expected) => {
  const engines = Object.entries(answers ?? {}).map(([engine, said]) =>
    typeof said === 'string' ? { engine, unasked: said } : { engine, askedMs: 1, prepared: [], open: said },
  )
  const truth = answers && { type: 'truth' as const, now: 1, engines }
  const said = locksOf(truth, connection, transaction)
  if (expected === undefined) expect(said).toBeUndefined()
  else expect(said).toMatchObject(expected)
})
