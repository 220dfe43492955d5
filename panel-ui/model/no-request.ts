import type { Time } from '../../instrumentation/model/rows.ts'
import type { Checkout, Request } from '../../instrumentation/model/state.ts'

/** What one line of code did outside of any request. */
export interface LineOfWork {
  readonly key: string
  readonly engine: string
  readonly site: string | null
  readonly checkouts: number
  readonly statements: number
  /** The check-outs that are held right now. */
  readonly held: readonly Checkout[]
  readonly waiting: number
  readonly lastAt: Time
}

/** Work outside of any request, by engine and line: the line leads back to its owner. */
export function linesOfWork(work: Request): LineOfWork[] {
  const lines = new Map<string, { -readonly [K in keyof LineOfWork]: LineOfWork[K] }>()
  const keys = new Map<string, string>()
  for (const checkout of work.checkouts) {
    const key = `${checkout.engine} ${checkout.site ?? ''}`
    keys.set(checkout.id, key)
    const { engine, site, askedAt } = checkout
    const line = lines.get(key) ?? {
      key,
      engine,
      site,
      checkouts: 0,
      statements: 0,
      held: [],
      waiting: 0,
      lastAt: askedAt,
    }
    lines.set(key, line)
    line.checkouts += 1
    line.lastAt = Math.max(line.lastAt, askedAt)
    if (checkout.state === 'held') line.held = [...line.held, checkout]
    if (checkout.state === 'waiting') line.waiting += 1
  }
  for (const statement of work.statements) {
    const line = lines.get(keys.get(statement.checkout ?? '') ?? '')
    if (line) line.statements += 1
  }
  return [...lines.values()].sort((a, b) => b.held.length - a.held.length || b.lastAt - a.lastAt)
}
