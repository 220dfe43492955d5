import { checkOptions, need, NUMBER, whole, type Needs } from '../../server-lib/channels/options.ts'
import { EnginelightError } from '../../server-lib/index.ts'
import { judge } from '../findings/index.ts'
import { thresholdsOf, type Thresholds } from '../findings/thresholds.ts'
import { count } from '../model/format.ts'
import { FINDING_KINDS, type Finding, type FindingKind } from '../model/finding.ts'
import type { Time } from '../model/rows.ts'
import type { PanelState } from '../model/state.ts'
import { settle } from './settle.ts'
import { stillHeld } from './still-held.ts'
import type { Witness } from './witness.ts'

/** What a test is allowed, and what it is not. */
export interface FindingsExpected {
  /** Kinds that do not fail the test. */
  except?: readonly FindingKind[]
  /** Kinds that fail it although tests provoke them: `statement failed`, `check-out failed` …. */
  also?: readonly FindingKind[]
  /** Counts only what was found and taken after this time of `performance.now()`. Default: the last call. */
  since?: number
  /** From how many on similar statements are a finding. Default 2: fixtures are small. */
  similarFrom?: number
}

/** What tests provoke and see by themselves, or what a busy machine does. */
const PROVOKED: ReadonlySet<FindingKind> = new Set<FindingKind>([
  'connect failed',
  'check-out failed',
  'client aborted',
  'connection lost',
  'transaction failed',
  'statement failed',
  'stalled',
])

/** Two rows are enough of a fixture, and each of them sends its statement. */
const SIMILAR_FROM = 2

const KINDS = need(
  `kinds of findings (${FINDING_KINDS.join(', ')})`,
  value => Array.isArray(value) && value.every(kind => FINDING_KINDS.includes(kind as FindingKind)),
)
const NEEDS: Needs<FindingsExpected> = {
  except: KINDS,
  also: KINDS,
  since: NUMBER,
  similarFrom: whole('a whole number from 2', 2),
}

/** Rejects with what was found since the last call. */
export async function expectFindings(witness: Witness, options: FindingsExpected = {}): Promise<void> {
  checkOptions({ name: 'expectNoFindings' }, options, NEEDS)
  const { told } = witness
  const { since = told.at, similarFrom = SIMILAR_FROM, except = [], also = [] } = options
  await settle(witness, since)
  const state = witness.state()
  const found = foundIn(state, since, similarFrom)
  const isFault = ({ kind }: Finding) =>
    !except.includes(kind) && (!PROVOKED.has(kind) || also.includes(kind))
  const failing = found.filter(one => isFault(one) && told.isNew(one, since, state))
  told.remember(found)
  if (failing.length > 0) throw failure(failing)
}

function foundIn(state: PanelState, since: Time, similarFrom: number): Finding[] {
  const thresholds: Thresholds = { ...thresholdsOf(state), similarFrom }
  const now = performance.now()
  const judged = judge(state, thresholds, now)
  const leaks = new Set(judged.filter(({ kind }) => kind === 'leak').map(({ about }) => about.checkout))
  const held = [...stillHeld(state, since)].filter(({ about }) => !leaks.has(about.checkout))
  // That the test has ended says more than how long the hold has lasted.
  const isSaid = ({ kind, about }: Finding) =>
    (kind === 'idle in transaction' || kind === 'overdue') &&
    held.some(one => one.about.checkout === about.checkout)
  return [...held, ...judged.filter(one => !isSaid(one))]
}

function failure(findings: readonly Finding[]): EnginelightError {
  const lines = findings.flatMap(({ kind, sentence, why, site }) => [
    `- ${kind}: ${sentence}`,
    ...(why === null ? [] : [`  ${why}`]),
    ...(site === null ? [] : [`  at ${site}`]),
  ])
  const sentence = `${count(findings.length, 'finding')} since the last check:\n${lines.join('\n')}`
  return new EnginelightError('EL_FINDINGS', sentence, { findings })
}
