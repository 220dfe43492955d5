import type { Time } from '../../instrumentation/model/rows.ts'
import { isSettled, outcomeOf } from '../../instrumentation/findings/outcome.ts'
import { isLeaking } from '../../instrumentation/findings/rules/leak.ts'
import { lateRelease } from '../../instrumentation/findings/rules/outlived.ts'
import { groupsOf } from '../../instrumentation/findings/similar.ts'
import type { Request } from '../../instrumentation/model/state.ts'

type Test = (request: Request, now: Time) => boolean

/**
 * The query box: words that must all match. `engine:writer`, `status:500` (or `status:5xx`), `slow:>100` (ms),
 * `leaked`, `failed`, `waiting`, `rolled-back`, `n+1`, `running`; any other word is searched for in the label, the id,
 * the statements and the lines of code. A `-` in front negates a word.
 */
export function requestFilter(query: string): (request: Request | undefined, now: Time) => boolean {
  const tests = query.trim().toLowerCase().split(/\s+/).filter(Boolean).map(testOf)
  // Called four times a second for five hundred requests, nearly all of them unchanged.
  const known = new WeakMap<Request, boolean>()
  return (request, now) => {
    if (request === undefined) return false
    const matches = known.get(request) ?? tests.every(test => test(request, now))
    if (isSettled(request)) known.set(request, matches)
    return matches
  }
}

export const FILTER_EXAMPLES = [
  'engine:writer',
  'status:5xx',
  'slow:>100',
  'waiting',
  'failed',
  'leaked',
  'n+1',
] as const

function testOf(word: string): Test {
  if (word.startsWith('-') && word.length > 1) {
    // One minus or several, each of which negates again.
    const minuses = /^-+(?=.)/.exec(word)![0].length
    const test = testOf(word.slice(minuses))
    return (request, now) => test(request, now) === (minuses % 2 === 0)
  }
  const [, name, value] = /^(engine|status|slow):(.*)$/.exec(word) ?? []
  switch (name) {
    case 'engine':
      return request => request.checkouts.some(c => c.engine.toLowerCase().includes(value!))
    case 'status':
      return request =>
        new RegExp(`^${value!.replace(/[^0-9x]/g, '').replaceAll('x', '\\d')}`).test(
          String(request.status ?? ''),
        )
    case 'slow': {
      const from = Number(value!.replace(/[^0-9.]/g, ''))
      return (request, now) => (request.endedAt ?? now) - request.startedAt >= from
    }
    default:
      return WORDS[word] ?? (request => textOf(request).includes(word))
  }
}

const WORDS: Record<string, Test> = {
  leaked: (request, now) => isLeaking(request, now) || lateRelease(request) !== null,
  running: request => request.endedAt === null,
  failed: (request, now) => outcomeOf(request, now) === 'failed' || (request.status ?? 0) >= 500,
  aborted: request => request.outcome === 'aborted',
  committed: (request, now) => outcomeOf(request, now) === 'committed',
  'rolled-back': request => request.transactions.some(t => t.outcome === 'rolled back'),
  waiting: (request, now) => request.checkouts.some(c => (c.acquiredAt ?? c.endedAt ?? now) - c.askedAt > 1),
  'n+1': request => groupsOf(request.statements).length > 0,
}

function textOf(request: Request): string {
  const parts = [request.label, request.id]
  for (const c of request.checkouts) parts.push(c.engine, c.site ?? '', c.connection ?? '')
  for (const s of request.statements)
    parts.push(s.text, s.site ?? '', s.error?.code ?? '', s.error?.message ?? '')
  return parts.join('\n').toLowerCase()
}
