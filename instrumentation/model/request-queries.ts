import { fingerprintOf, isControlForm } from './fingerprint.ts'
import type { Checkout, CountedStatements, Request, Statement } from './state.ts'

/** The statements of one normal form and line in one request. */
export interface RequestQuery {
  readonly key: string
  /** As the first of them was sent. */
  readonly text: string
  readonly site: string | null
  readonly engines: ReadonlySet<string>
  readonly count: number
  readonly running: number
  readonly failed: number
  readonly rows: number
  /** The times from being sent until answered, of those that are answered and kept one by one. */
  readonly durations: readonly number[]
  readonly executingMs: number
  /** Behind other statements of their sessions. */
  readonly queuedMs: number
  /** For a connection, where one of them caused the check-out. */
  readonly waitedMs: number
  /** `serial`: each was asked for when the one before was answered. */
  readonly manner: 'once' | 'serial' | 'at once'
  readonly isControl: boolean
}

type Summing = { -readonly [K in keyof RequestQuery]: RequestQuery[K] } & {
  engines: Set<string>
  durations: number[]
  lastEnd: number
}

const known = new WeakMap<Request, readonly RequestQuery[]>()

/** In the order of their first statements. A request that has not changed is summed once. */
export function queriesIn(request: Request): readonly RequestQuery[] {
  let sums = known.get(request)
  if (!sums) known.set(request, (sums = sum(request)))
  return sums
}

export interface Duplicates {
  readonly duplicates: number
  /** Control statements do not count. */
  readonly of: number
}

/** How many statements of a request are in none of its queries: only their number is known, not their text. */
export const unnamedIn = ({ omitted, counted }: Request): number =>
  Math.max(0, omitted - counted.reduce((sum, { text, total }) => sum + (text === null ? 0 : total), 0))

/** How many statements of a request repeat an earlier one of the same normal form and line. */
export function duplicatesIn(request: Request): Duplicates {
  let duplicates = 0
  let of = 0
  for (const { count, isControl } of queriesIn(request)) {
    if (isControl) continue
    duplicates += count - 1
    of += count
  }
  return { duplicates, of }
}

function sum(request: Request): RequestQuery[] {
  const sums = new Map<string, Summing>()
  // A library's BEGIN travels with the statement that needs the connection, and waits for it.
  const waits = waitsOf(request, ({ text }) => !isControlForm(fingerprintOf(text)))
  const sumOf = (text: string, site: string | null): Summing => {
    const key = keyOf(text, site)
    let found = sums.get(key)
    if (!found) sums.set(key, (found = blank(key, text, site)))
    return found
  }
  for (const statement of request.statements) {
    const found = sumOf(statement.text, statement.site)
    add(found, statement)
    found.waitedMs += waits.get(statement.id) ?? 0
  }
  for (const counted of request.counted)
    if (counted.text !== null) addCounted(sumOf(counted.text, counted.site), counted)
  return [...sums.values()]
}

/** Those beyond the limit of the request. */
function addCounted(sum: Summing, counted: CountedStatements): void {
  const isBurst = sum.manner === 'at once' || counted.atOnce > 1
  if (sum.count + counted.total > 1) sum.manner = isBurst ? 'at once' : 'serial'
  sum.count += counted.total
  if (counted.engine !== null) sum.engines.add(counted.engine)
  sum.running += counted.running
  sum.failed += counted.failed
  sum.rows += counted.rows
  sum.executingMs += counted.summedMs
  sum.queuedMs += counted.queuedMs
}

function add(sum: Summing, statement: Statement): void {
  const { startedAt, endedAt, queuedMs } = statement
  // A session sends one after the other: what it was asked for at once waits in its queue.
  if (sum.count > 0)
    sum.manner = sum.manner === 'at once' || startedAt - queuedMs < sum.lastEnd ? 'at once' : 'serial'
  sum.count++
  sum.engines.add(statement.engine)
  if (statement.error) sum.failed++
  sum.rows += statement.rows ?? 0
  sum.queuedMs += queuedMs
  if (endedAt === null) sum.running++
  else {
    sum.durations.push(endedAt - startedAt)
    sum.executingMs += endedAt - startedAt
  }
  sum.lastEnd = Math.max(sum.lastEnd, endedAt ?? Infinity)
}

const blank = (key: string, text: string, site: string | null): Summing => ({
  key,
  text,
  site,
  engines: new Set(),
  count: 0,
  running: 0,
  failed: 0,
  rows: 0,
  durations: [],
  executingMs: 0,
  queuedMs: 0,
  waitedMs: 0,
  manner: 'once',
  isControl: isControlForm(fingerprintOf(text)),
  lastEnd: -Infinity,
})

/** The wait for a connection belongs to the statement that caused the check-out: the first one. */
export function waitsOf(
  request: Request,
  mayCause: (statement: Statement) => boolean = () => true,
): Map<string, number> {
  const waits = new Map<string, number>()
  const left = new Map<string, Checkout>(request.checkouts.map(checkout => [checkout.id, checkout]))
  for (const statement of request.statements) {
    const checkout = left.get(statement.checkout ?? '')
    if (!checkout || !mayCause(statement) || !left.delete(checkout.id)) continue
    if (checkout.acquiredAt !== null) waits.set(statement.id, checkout.acquiredAt - checkout.askedAt)
  }
  return waits
}

/** Short, because it stands in the address of a page; equal only by chance for different ones. */
function keyOf(text: string, site: string | null): string {
  const whole = `${site ?? ''}\n${fingerprintOf(text)}`
  let key = keys.get(whole)
  if (key === undefined) {
    if (keys.size >= KEYS) keys.clear()
    keys.set(whole, (key = hash(whole)))
  }
  return key
}

const KEYS = 8_000
const keys = new Map<string, string>()

/** Twice FNV-1a, from different beginnings. */
function hash(text: string): string {
  let one = 0x811c9dc5
  let two = 0x01000193
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    one = Math.imul(one ^ code, 0x01000193)
    two = Math.imul(two ^ code, 0x01000193)
  }
  return (one >>> 0).toString(36) + (two >>> 0).toString(36)
}
