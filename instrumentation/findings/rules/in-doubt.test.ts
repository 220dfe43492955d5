import { expect, test } from 'vitest'
import type { ServerTruth } from '../../model/protocol.ts'
import type { Commit, Doubt } from '../../model/state.ts'
import { judge } from '../index.ts'
import { made } from '../testing/made-up.ts'
import { thresholdsOf } from '../thresholds.ts'

const GID = 'enginelight:shop:7e57:writer:10c'
const doubt: Doubt = {
  gid: GID,
  engine: 'writer',
  key: '7e57',
  preparedAt: 0,
  toldAt: 1_000,
  reason: 'its coordinator is at work',
  recovered: null,
}
const keys = (doubts: Doubt[], truth: ServerTruth | null = null, commits: Commit[] = []) => {
  const state = {
    ...made({}),
    doubts: new Map(doubts.map(one => [one.gid, one])),
    commits: new Map(commits.map(one => [one.id, one])),
  }
  return judge(state, thresholdsOf(state), 60_000, truth).map(({ key, sentence }) => `${key}: ${sentence}`)
}
const answered = (gids: string[]): ServerTruth => ({
  type: 'truth',
  now: 2_000,
  engines: [
    {
      engine: 'writer',
      askedMs: 0,
      open: [],
      prepared: gids.map(gid => ({ gid, owner: 'ada', ageMs: 2_000, locks: [] })),
    },
  ],
})

test('what recovery has found and not ended is in doubt', () => {
  expect(keys([doubt])).toEqual([
    `in doubt ${GID}: A prepared transaction on writer is in doubt for 1 min: its coordinator is at work.`,
  ])
  expect(keys([{ ...doubt, recovered: 'committed' }])).toEqual([])
})

test('the server’s own word is better: what it has, and what it no longer has', () => {
  expect(keys([], answered([GID]))).toHaveLength(1)
  expect(keys([doubt], answered([]))).toEqual([])
  const commit = { id: 'x1', participants: [{ gid: GID }], endedAt: null } as unknown as Commit
  // Its commit is under way: it is where it should be.
  expect(keys([], answered([GID]), [commit])).toEqual([])
})
