import { failureOf } from './apply-statement.ts'
import { openOf, update } from './apply-transaction.ts'
import type { Draft, Reducer } from './draft.ts'
import type { Doubt, Step } from './state.ts'

const COMMITS_KEPT = 1000
const DOUBTS_KEPT = 200

/** Commits over the engines of a request, and what broken-off commits have left behind. */
export const COMMITS = {
  commitStart(draft, fact, at) {
    const { id, participants } = fact
    const begun = { startedAt: at, endedAt: null, outcome: null, engines: [], error: null, steps: [] }
    draft.set('commits', id, { ...fact, ...begun })
    draft.trim('commits', COMMITS_KEPT)
    for (const { session } of participants) {
      const transaction = openOf(draft, session)
      if (transaction) update(draft, { ...transaction, commit: id })
    }
  },

  stepStart(draft, { id, engine, step }, at) {
    const begun = { engine, step, startedAt: at, endedAt: null, command: null, error: null }
    draft.edit('commits', id)?.steps.push(begun)
  },

  stepEnd(draft, fact, at) {
    const { id, engine, step, durationMs, command } = fact
    const commit = draft.edit('commits', id)
    if (!commit) return
    const ended = { engine, step, startedAt: at - durationMs, endedAt: at, command, error: failureOf(fact) }
    const isIt = (s: Step) => s.engine === engine && s.step === step && s.endedAt === null
    const index = commit.steps.findLastIndex(isIt)
    if (index < 0) commit.steps.push(ended)
    else commit.steps[index] = { ...ended, startedAt: commit.steps[index]!.startedAt }
  },

  commitEnd(draft, fact, at) {
    const commit = draft.edit('commits', fact.id)
    if (!commit) return
    commit.endedAt = at
    commit.outcome = fact.outcome
    commit.engines = [...fact.engines]
    commit.error = failureOf(fact)
  },

  inDoubt(draft, { ageMs, ...doubt }, at) {
    keepDoubt(draft, { ...doubt, preparedAt: at - ageMs, toldAt: at, recovered: null })
  },

  recovered(draft, { ageMs, outcome, ...doubt }, at) {
    keepDoubt(draft, { ...doubt, preparedAt: at - ageMs, toldAt: at, reason: '', recovered: outcome })
  },
} satisfies Partial<Reducer>

function keepDoubt(draft: Draft, doubt: Doubt): void {
  draft.set('doubts', doubt.gid, doubt)
  draft.trim('doubts', DOUBTS_KEPT)
}
