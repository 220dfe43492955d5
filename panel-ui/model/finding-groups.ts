import type { Finding } from '../../instrumentation/model/finding.ts'

/** Findings of one kind: those that are shown, and those that would say the same again. */
export interface FindingGroup {
  readonly key: string
  readonly shown: readonly Finding[]
  readonly folded: readonly Finding[]
}

/** So many of one kind are shown, if they come from different lines or engines. What is over needs no more than one. */
const SHOWN_OF_A_KIND = { now: 3, over: 1 } as const

/** By kind, in the order of the findings: in each group the first of each line and engine is shown. */
export function findingGroups(findings: readonly Finding[]): FindingGroup[] {
  const kinds = new Map<string, Finding[]>()
  for (const finding of findings) {
    const { kind, isOver } = finding
    const key = `${kind} ${isOver ? 'over' : 'now'}`
    const same = kinds.get(key)
    if (same) same.push(finding)
    else kinds.set(key, [finding])
  }
  return [...kinds].map(([key, ofKind]) => ({ key, ...folded(ofKind) }))
}

function folded(ofKind: readonly Finding[]): Omit<FindingGroup, 'key'> {
  const sources = new Set<string>()
  const most = SHOWN_OF_A_KIND[ofKind[0]?.isOver ? 'over' : 'now']
  const shown = ofKind.filter(({ site, about }) => {
    const source = `${about.engine ?? ''} ${site ?? ''}`
    const isNew = !sources.has(source) && sources.size < most
    sources.add(source)
    return isNew
  })
  return { shown, folded: ofKind.filter(finding => !shown.includes(finding)) }
}
