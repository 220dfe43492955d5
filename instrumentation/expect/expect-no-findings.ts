import { checkOptions, need, notEmpty, NUMBER, whole, type Needs } from '../../server-lib/channels/options.ts'
import { EnginelightError } from '../../server-lib/index.ts'
import { judge } from '../findings/index.ts'
import { thresholdsOf, type Thresholds } from '../findings/thresholds.ts'
import { count } from '../model/format.ts'
import { FINDING_KINDS, type Finding, type FindingKind } from '../model/finding.ts'
import type { Time } from '../model/rows.ts'
import type { PanelState } from '../model/state.ts'
import { readBaseline } from '../panel/baseline-file.ts'
import { foundByOwnRules } from '../panel/judge/index.ts'
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
  /** A file of known findings, as `panel({ baseline })` takes it. Default: none. */
  baseline?: string
  /** From how many on similar statements are a finding. Default 2: fixtures are small. */
  similarFrom?: number
}

/** Not counted unless asked for. */
const LEFT_OUT: ReadonlySet<FindingKind> = new Set<FindingKind>([
  // Tests provoke these, and see them by themselves.
  'connect failed',
  'check-out failed',
  'client aborted',
  'connection lost',
  'commit refused',
  'write refused',
  'transaction failed',
  'statement failed',
  // A rollback was asked for, as around each test: one that nobody asked for is `commit forgotten`.
  'nothing committed',
  // A busy machine does these.
  'blocked',
  'stalled',
  // Tests call code outside of requests, and open connections anew.
  'context lost',
  'reconnecting',
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
  baseline: notEmpty('the path of a file'),
  similarFrom: whole('a whole number from 2', 2),
}

/** Rejects with what was found since the last call. */
export async function expectFindings(witness: Witness, options: FindingsExpected = {}): Promise<void> {
  checkOptions({ name: 'expectNoFindings' }, options, NEEDS)
  const { told } = witness
  const known = options.baseline === undefined ? undefined : readBaseline(options.baseline)
  const { since = told.at, similarFrom = SIMILAR_FROM, except = [], also = [] } = options
  await settle(witness, since)
  const state = witness.state()
  const found = foundIn(state, since, similarFrom)
  const isFault = ({ kind }: Finding) =>
    !except.includes(kind) && (!LEFT_OUT.has(kind) || also.includes(kind))
  const failing = found.filter(one => isFault(one) && told.isNew(one, since, state) && !known?.knows(one))
  told.remember(found)
  if (failing.length > 0) throw failure(failing)
}

/** What the panel would tell. */
export function judged(state: PanelState, thresholds: Thresholds = thresholdsOf(state)): Finding[] {
  const now = performance.now()
  return [...judge(state, thresholds, now), ...foundByOwnRules(state, now)]
}

function foundIn(state: PanelState, since: Time, similarFrom: number): Finding[] {
  const found = judged(state, { ...thresholdsOf(state), similarFrom }).filter(isOfTheCode)
  const leaks = new Set(found.filter(({ kind }) => kind === 'leak').map(({ about }) => about.checkout))
  const held = [...stillHeld(state, since)].filter(({ about }) => !leaks.has(about.checkout))
  // That the test has ended says more than how long the hold has lasted.
  const isSaid = ({ kind, about }: Finding) =>
    (kind === 'idle in transaction' || kind === 'overdue') &&
    held.some(one => one.about.checkout === about.checkout)
  return [...held, ...found.filter(one => !isSaid(one))]
}

/** That a transaction had nothing to do for half a second, and went on, may be the machine's fault. */
const isOfTheCode = ({ kind, isOver, severity }: Finding) =>
  !(kind === 'idle in transaction' && isOver && severity !== 'bad')

function failure(findings: readonly Finding[]): EnginelightError {
  const lines = findings.flatMap(({ kind, sentence, why, site }) => [
    `- ${kind}: ${sentence}`,
    ...(why === null ? [] : [`  ${why}`]),
    ...(site === null ? [] : [`  at ${site}`]),
  ])
  const sentence = `${count(findings.length, 'finding')} since the last check:\n${lines.join('\n')}`
  return new EnginelightError('EL_FINDINGS', sentence, { findings })
}
