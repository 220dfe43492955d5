import {
  KIND,
  type CommitEndRow,
  type CommitStartRow,
  type InDoubtRow,
  type RecoveredRow,
  type StepEndRow,
  type StepStartRow,
} from './rows.ts'
import { openOf, update } from './apply-transaction.ts'
import type { Draft, Texts } from './draft.ts'

type CommitRow = CommitStartRow | StepStartRow | StepEndRow | CommitEndRow | InDoubtRow | RecoveredRow

const COMMITS_KEPT = 1000
const DOUBTS_KEPT = 200

/** Commits over the engines of a request, and what broken-off commits have left behind. */
export function applyCommit(draft: Draft, row: CommitRow, texts: Texts): void {
  switch (row[1]) {
    case KIND.commitStart:
      return started(draft, row, texts)
    case KIND.stepStart: {
      const [, , at, id, engine, step] = row
      const begun = { engine, step, startedAt: at, endedAt: null, command: null, error: null }
      draft.edit('commits', id)?.steps.push(begun)
      return
    }
    case KIND.stepEnd: {
      const [, , at, id, engine, step, durationMs, command, code, message] = row
      const commit = draft.edit('commits', id)
      if (!commit) return
      const error = errorOf(code, message, texts)
      const ended = { engine, step, startedAt: at - durationMs, endedAt: at, command, error }
      const isIt = (s: { engine: string; step: string; endedAt: number | null }) =>
        s.engine === engine && s.step === step && s.endedAt === null
      const index = commit.steps.findLastIndex(isIt)
      if (index < 0) commit.steps.push(ended)
      else commit.steps[index] = { ...ended, startedAt: commit.steps[index]!.startedAt }
      return
    }
    case KIND.commitEnd: {
      const [, , at, id, outcome, engines, , code, message] = row
      const commit = draft.edit('commits', id)
      if (!commit) return
      commit.endedAt = at
      commit.outcome = outcome
      commit.engines = engines
      commit.error = errorOf(code, message, texts)
      return
    }
    case KIND.inDoubt: {
      const [, , at, engine, gid, key, ageMs, reason] = row
      const doubt = { gid, engine, key, preparedAt: at - ageMs, toldAt: at, recovered: null }
      return keepDoubt(draft, { ...doubt, reason: texts(reason) })
    }
    case KIND.recovered: {
      const [, , at, engine, gid, key, ageMs, recovered] = row
      return keepDoubt(draft, { gid, engine, key, preparedAt: at - ageMs, toldAt: at, reason: '', recovered })
    }
    default:
      row satisfies never
  }
}

function started(draft: Draft, row: CommitStartRow, texts: Texts): void {
  const [, , at, id, request, mode, key, participants, site] = row
  draft.set('commits', id, {
    id,
    request,
    mode,
    key,
    participants: participants.map(([engine, session, role, gid]) => ({ engine, session, role, gid })),
    site: site === null ? null : texts(site),
    startedAt: at,
    endedAt: null,
    outcome: null,
    engines: [],
    error: null,
    steps: [],
  })
  draft.trim('commits', COMMITS_KEPT)
  for (const [, session] of participants) {
    const transaction = openOf(draft, session)
    if (transaction) update(draft, { ...transaction, commit: id })
  }
}

function keepDoubt(draft: Draft, doubt: Parameters<typeof draft.set<'doubts'>>[2]): void {
  draft.set('doubts', doubt.gid, doubt)
  draft.trim('doubts', DOUBTS_KEPT)
}

const errorOf = (code: string | null, message: number | null, texts: Texts) =>
  code === null && message === null ? null : { code, message: message === null ? '' : texts(message) }
