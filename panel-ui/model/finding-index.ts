import type { Finding, Severity } from '../../instrumentation/model/finding.ts'

const NONE: readonly Finding[] = []
const indexes = new WeakMap<readonly Finding[], ReadonlyMap<string, readonly Finding[]>>()

/** What was found of a request, the worst first. The same array for as long as the findings are the same. */
export function findingsOf(findings: readonly Finding[] | null, request: string): readonly Finding[] {
  if (findings === null) return NONE
  let index = indexes.get(findings)
  if (!index) {
    index = byRequest(findings)
    indexes.set(findings, index)
  }
  return index.get(request) ?? NONE
}

function byRequest(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  const index = new Map<string, Finding[]>()
  for (const finding of findings) {
    const { request } = finding.about
    if (request === undefined) continue
    const same = index.get(request)
    if (same) same.push(finding)
    else index.set(request, [finding])
  }
  return index
}

/** How many findings there are, and how bad the worst is. */
export interface Tally {
  /** Of what is so right now. What only explains something does not count. */
  readonly now: number
  readonly worst: Exclude<Severity, 'note'> | null
  /** What is over and was not dismissed. */
  readonly over: number
}

export function tallyOf(findings: readonly Finding[]): Tally {
  let now = 0
  let over = 0
  let worst: Tally['worst'] = null
  for (const { severity, isOver } of findings) {
    if (severity === 'note') continue
    if (isOver) over += 1
    else {
      now += 1
      if (worst !== 'bad') worst = severity
    }
  }
  return { now, worst, over }
}
