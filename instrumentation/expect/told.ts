import type { Finding, FindingKind } from '../model/finding.ts'
import type { Time } from '../model/rows.ts'
import type { PanelState } from '../model/state.ts'

/** What may be said of one hold, one after the other: a leak that is given back has outlived its request. */
const OF_HOLDS: ReadonlySet<FindingKind> = new Set<FindingKind>([
  'leak',
  'outlived',
  'overdue',
  'idle in transaction',
])

/** What earlier calls were about, so that a finding fails the test that it comes from, and no later one. */
export class Told {
  /** When the last call ended. */
  at: Time
  #keys: ReadonlySet<string> = new Set()
  readonly #holds = new Set<string>()

  constructor(at: Time) {
    this.at = at
  }

  /** Whether this call is the first to see it. `since`: what was found or taken before is not asked about. */
  isNew({ key, kind, about, since: from }: Finding, since: Time, state: PanelState): boolean {
    if (OF_HOLDS.has(kind) && about.checkout !== undefined) {
      if (this.#holds.has(about.checkout)) return false
      const asked = state.checkouts.get(about.checkout)?.askedAt
      if (asked !== undefined && asked < since) return false
    }
    // A pool that is full again has the same key.
    return from >= since || (since === this.at && !this.#keys.has(key))
  }

  /** All that was found is told from now on. */
  remember(found: readonly Finding[]): void {
    this.#keys = new Set(found.map(({ key }) => key))
    for (const { kind, about } of found)
      if (OF_HOLDS.has(kind) && about.checkout !== undefined) this.#holds.add(about.checkout)
    this.at = performance.now()
  }
}
