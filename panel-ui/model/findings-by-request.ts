import type { Finding, Severity } from '../../instrumentation/model/finding.ts'

export interface FindingsOfRequest {
  readonly count: number
  readonly worst: Severity
  readonly sentences: string
}

const known = new WeakMap<readonly Finding[], ReadonlyMap<string, FindingsOfRequest>>()

/** How many findings each request has, from what the process told, which is sorted by urgency. */
export function findingsByRequest(findings: readonly Finding[]): ReadonlyMap<string, FindingsOfRequest> {
  const before = known.get(findings)
  if (before) return before
  const byRequest = new Map<string, FindingsOfRequest>()
  for (const { about, severity, sentence } of findings) {
    if (about.request === undefined) continue
    const own = byRequest.get(about.request)
    byRequest.set(about.request, {
      count: (own?.count ?? 0) + 1,
      worst: own?.worst ?? severity,
      sentences: own ? `${own.sentences}\n${sentence}` : sentence,
    })
  }
  known.set(findings, byRequest)
  return byRequest
}
