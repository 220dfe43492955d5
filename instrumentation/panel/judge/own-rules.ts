import { warn } from '../../../server-lib/channels/errors.ts'
import { EnginelightError } from '../../../server-lib/index.ts'
import { SEVERITIES, type Severity, type Subjects } from '../../model/finding.ts'
import { finding, type Judged } from '../../findings/rule.ts'
import type { Time } from '../../model/rows.ts'
import type { PanelState } from '../../model/state.ts'

/** What an application's own rule finds. */
export interface OwnFinding {
  /** Of what it is about: the same one has the same id a second later. */
  readonly id: string
  /** One sentence with its numbers. Up to 1,000 characters are shown. */
  readonly sentence: string
  /** Default `warn`. */
  readonly severity?: Severity
  readonly why?: string
  /** The line of code that it comes from. */
  readonly site?: string
  readonly about?: Subjects
}

/** Judges what the panel knows at the time `now`, of the clock of `performance.now()`. */
export type OwnRule = (state: PanelState, now: Time) => Iterable<OwnFinding>

const LONGEST = 1_000
const MOST = 100

/** Whether each was told to have failed. */
const rules = new Map<OwnRule, { hasFailed: boolean }>()

export function addRule(rule: OwnRule): () => void {
  if (typeof rule !== 'function')
    throw new EnginelightError(
      'EL_PANEL_CONFIG',
      `A rule of the panel must be a function, not ${typeof rule}.`,
      {
        option: 'rule',
      },
    )
  rules.set(rule, { hasFailed: false })
  return () => void rules.delete(rule)
}

/** What the application's rules find. One that fails finds nothing this time. */
export function foundByOwnRules(state: PanelState, now: Time): Judged[] {
  const found: Judged[] = []
  for (const [rule, told] of rules) {
    try {
      found.push(...judgedBy(rule, state, now))
    } catch (error) {
      if (told.hasFailed) continue
      told.hasFailed = true
      const name = error instanceof Error ? error.name : typeof error
      warn(
        'EL_RULE_FAILED',
        `A rule of the panel${rule.name ? `, ${rule.name},` : ''} failed with ${name}: what it finds is not told. Further failures of it are not reported.`,
      )
    }
  }
  return found
}

function judgedBy(rule: OwnRule, state: PanelState, now: Time): Judged[] {
  const found: Judged[] = []
  for (const { id, sentence, severity = 'warn', why, site, about = {} } of rule(state, now)) {
    if (typeof id !== 'string' || typeof sentence !== 'string' || !SEVERITIES.includes(severity))
      throw new TypeError('A finding needs an id, a sentence and a severity.')
    found.push(
      finding('own rule', id, {
        severity,
        since: now,
        about: { ...about },
        sentence: sentence.slice(0, LONGEST),
        why: typeof why === 'string' ? why.slice(0, LONGEST) : null,
        site: typeof site === 'string' ? site.slice(0, LONGEST) : null,
      }),
    )
    if (found.length === MOST) break
  }
  return found
}
