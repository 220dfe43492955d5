import type { CommitStep, ParticipantRole } from '../../server-lib/channels/words.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import { said } from './said.ts'
import type { Commit, Step } from '../../instrumentation/model/state.ts'

export interface CommitBar extends Step {
  /** Milliseconds from the commit's start. */
  readonly from: number
  readonly to: number
}

export interface CommitLane {
  readonly engine: string
  readonly role: ParticipantRole
  readonly gid: string | null
  readonly bars: readonly CommitBar[]
  /** The engine's outcome as reported, or how far it got. */
  readonly end: string
}

export interface CommitTimeline {
  readonly lanes: readonly CommitLane[]
  readonly length: number
  /** When the decision was made, or null if it was not, or none was needed. */
  readonly decidedAt: number | null
  /** When the application got its answer; later steps run in the background. */
  readonly answeredAt: number | null
  /** The first step that failed or was never answered. */
  readonly brokeOff: CommitBar | null
}

/** The participant that decides is above those that depend on it. */
const RANK: Record<ParticipantRole, number> = { decides: 0, prepares: 1, commits: 2, reads: 3 }

/** A commit on one clock: a lane for each engine, with its steps. */
export function commitTimeline(commit: Commit, now: Time): CommitTimeline {
  const { startedAt, endedAt, participants, steps } = commit
  const isOver = endedAt !== null
  const last = steps.reduce((latest, s) => Math.max(latest, s.endedAt ?? s.startedAt), endedAt ?? now)
  const bars = steps.map((step): CommitBar => ({
    ...step,
    from: step.startedAt - startedAt,
    to: (step.endedAt ?? (isOver ? last : now)) - startedAt,
  }))
  const decides = participants.find(p => p.role === 'decides')?.engine
  const decision = bars.find(b => b.engine === decides && b.step === 'commit' && isDone(b))
  return {
    lanes: participants
      .map(({ engine, role, gid }) => {
        const own = bars.filter(b => b.engine === engine)
        return { engine, role, gid, bars: own, end: endOf(commit, engine, own) }
      })
      .sort((a, b) => RANK[a.role] - RANK[b.role]),
    length: Math.max(0.01, last - startedAt),
    decidedAt: decision?.to ?? null,
    answeredAt: isOver ? endedAt - startedAt : null,
    brokeOff: bars.find(b => b.error !== null || (isOver && b.endedAt === null)) ?? null,
  }
}

const isDone = (bar: CommitBar) => bar.endedAt !== null && bar.error === null

function endOf(commit: Commit, engine: string, bars: readonly CommitBar[]): string {
  const reported = commit.engines.find(told => told.engine === engine)?.outcome
  if (reported !== undefined) return said(reported)
  const last = bars.at(-1)
  return last ? PROGRESS[last.step] : 'waiting'
}

const PROGRESS: Record<CommitStep, string> = {
  vote: 'asked',
  decision: 'decision written',
  prepare: 'prepared',
  commit: 'committing',
  'commit prepared': 'committing',
  rollback: 'rolling back',
  'rollback prepared': 'rolling back',
  resolve: 'finding out',
  forget: 'committed',
}
