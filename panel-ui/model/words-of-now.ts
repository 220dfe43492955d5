import { judge } from '../../instrumentation/findings/index.ts'
import { thresholdsOf } from '../../instrumentation/findings/thresholds.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import type { ServerTruth } from '../../instrumentation/model/protocol.ts'
import type { Time } from '../../instrumentation/model/rows.ts'
import type { PanelState } from '../../instrumentation/model/state.ts'

/** Words cannot be read any faster than this changes them. */
const COUNTED_ON_MS = 100

interface Counted {
  readonly told: readonly Finding[]
  readonly at: number
  readonly findings: readonly Finding[]
}

let last: Counted | null = null

/**
 * What the process told, in the words of this moment. It tells once a second, and ages grow meanwhile: the page asks
 * the same rules again, about the state that the lanes are drawn from. What those do not find (a rule of the
 * application, an answer of a server) keeps the words that were told.
 */
export function inWordsOfNow(
  told: readonly Finding[],
  { state, now }: { readonly state: PanelState; readonly now: Time },
  truth: ServerTruth | null,
): readonly Finding[] {
  if (last?.told === told && Math.abs(now - last.at) < COUNTED_ON_MS) return last.findings
  const findings = told.every(({ isOver }) => isOver)
    ? told
    : counted(told, new Map(judge(state, thresholdsOf(state), now, truth).map(it => [it.key, it])), now)
  last = { told, at: now, findings }
  return findings
}

const counted = (
  told: readonly Finding[],
  found: ReadonlyMap<string, Finding>,
  now: number,
): readonly Finding[] =>
  told.map(finding => {
    const again = finding.isOver ? undefined : found.get(finding.key)
    if (!again || again.isOver) return finding
    const { sentence, why } = again
    return { ...finding, sentence, why, lastSeen: now }
  })
