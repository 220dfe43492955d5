import { byUrgency } from '../../findings/index.ts'
import type { Afterwards, Judged } from '../../findings/rule.ts'
import type { Finding } from '../../model/finding.ts'
import type { Time } from '../../model/rows.ts'

const MOST = 500
const MOST_CHARACTERS = 512 * 1024

interface Kept {
  readonly finding: Finding
  readonly afterwards: Afterwards | null
  readonly isDismissed: boolean
}

/**
 * What was found stays after the fact, until it is dismissed. Bounded in number and size: the least urgent is dropped
 * first, and counted.
 */
export class FindingMemory {
  #kept = new Map<string, Kept>()
  #told: readonly Finding[] = []
  #at: Time = 0
  #dropped = 0
  /** Those of the last time that are found still, but for which there was no room. */
  #crowdedOut: ReadonlySet<string> = new Set()

  /** How many findings there was no room for. */
  get dropped(): number {
    return this.#dropped + this.#crowdedOut.size
  }

  /** `isUnknown`: whether one that is not found any more may still be so. */
  remember(
    found: readonly Judged[],
    now: Time,
    isUnknown: (finding: Finding) => boolean = () => false,
  ): readonly Finding[] {
    const next = new Map<string, Kept>()
    for (const judged of found)
      if (!next.has(judged.key)) next.set(judged.key, renewed(this.#kept.get(judged.key), judged, now))
    for (const key of this.#crowdedOut) if (!next.has(key)) this.#dropped++
    const released = new Set(found.flatMap(({ kind, about }) => (kind === 'outlived' ? [about.request] : [])))
    for (const [key, kept] of this.#kept) {
      const { finding, isDismissed } = kept
      if (next.has(key) || isDismissed) continue
      // It was given back, and how long it took is told there.
      if (finding.kind === 'leak' && released.has(finding.about.request)) continue
      next.set(key, finding.isOver || isUnknown(finding) ? kept : ended(kept, this.#at))
    }
    this.#at = now
    this.#keep(next, new Set(found.map(({ key }) => key)))
    return this.#told
  }

  dismiss(key: string): readonly Finding[] {
    const kept = this.#kept.get(key)
    if (!kept) return this.#told
    // Remembered for as long as it is found: it must not be told again.
    this.#kept.set(key, { ...kept, isDismissed: true })
    return (this.#told = this.#told.filter(finding => finding.key !== key))
  }

  #keep(next: Map<string, Kept>, found: ReadonlySet<string>): void {
    const told: Finding[] = []
    const crowdedOut = new Set<string>()
    let characters = 0
    const all = [...next.values()].sort((a, b) => byUrgency(a.finding, b.finding))
    for (const { finding, isDismissed } of all) {
      if (isDismissed) continue
      const { key, sentence, why, site } = finding
      characters += key.length + sentence.length + (why?.length ?? 0) + (site?.length ?? 0)
      if (told.length < MOST && characters <= MOST_CHARACTERS) told.push(finding)
      else {
        next.delete(key)
        if (found.has(key)) crowdedOut.add(key)
        else this.#dropped++
      }
    }
    this.#kept = next
    this.#told = told
    this.#crowdedOut = crowdedOut
  }
}

/** What is found, with what is remembered of it. One that says the same as before is the same object. */
function renewed(before: Kept | undefined, { afterwards, ...found }: Judged, now: Time): Kept {
  if (!before) return { finding: { ...found, lastSeen: seenAt(found, now) }, afterwards, isDismissed: false }
  const { finding: last } = before
  const beginsAnew = last.isOver && found.since > last.lastSeen
  const count = last.count + Number(beginsAnew)
  const finding = { ...found, since: last.since, count, lastSeen: seenAt(found, now) }
  return {
    finding: !beginsAnew && saysTheSame(last, finding) ? last : finding,
    afterwards,
    isDismissed: before.isDismissed && !beginsAnew,
  }
}

const seenAt = ({ isOver, lastSeen }: Finding, now: Time): Time => (isOver ? lastSeen : now)

function ended({ finding, afterwards, ...kept }: Kept, lastSeen: Time): Kept {
  const { sentence, why } = afterwards ?? finding
  return { ...kept, afterwards, finding: { ...finding, sentence, why: why ?? null, lastSeen, isOver: true } }
}

const saysTheSame = (a: Finding, b: Finding): boolean =>
  a.isOver === b.isOver &&
  a.sentence === b.sentence &&
  a.why === b.why &&
  a.severity === b.severity &&
  a.site === b.site &&
  JSON.stringify(a.about) === JSON.stringify(b.about)
