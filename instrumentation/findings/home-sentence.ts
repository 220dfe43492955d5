import type { Finding, FindingKind } from '../model/finding.ts'
import { count } from '../model/format.ts'
import { loadOf, shownPools } from '../model/pool-load.ts'
import type { Time } from '../model/rows.ts'
import type { PanelState } from '../model/state.ts'

export interface HomeSentence {
  readonly tone: 'good' | 'warn' | 'bad'
  readonly say: string
  readonly why: string
}

/** What is true of the pools right now, the most urgent first. */
const OF_POOLS: readonly FindingKind[] = [
  'connect failed',
  'pool full',
  'leak',
  'idle in transaction',
  'overdue',
]

/** The dashboard's warning light as one sentence: the worst that was found about the pools. */
export function homeSentence(all: readonly Finding[], state: PanelState, now: Time): HomeSentence {
  const findings = all.filter(({ isOver }) => !isOver)
  for (const kind of OF_POOLS) {
    const [first, ...others] = findings.filter(found => found.kind === kind)
    if (!first) continue
    const { severity, why } = first
    const same = others.filter(({ about }) => about.engine === first.about.engine).length + 1
    const say =
      kind === 'idle in transaction' && same > 1
        ? `${count(same, 'connection')} of ${first.about.engine} sit idle in a transaction.`
        : first.sentence
    return { tone: severity === 'bad' ? 'bad' : 'warn', say, why: why ?? '' }
  }
  let open = 0
  let used = 0
  for (const { pool, engine } of shownPools(state)) {
    // A borrowed connection belongs to its host, and is counted there.
    if (engine.mode === 'borrowed') continue
    used += loadOf(state, pool, now).used
    open += pool.max
  }
  return {
    tone: 'good',
    say: 'No request waits for a connection.',
    why: `${used} of ${open} connections are held right now.`,
  }
}
