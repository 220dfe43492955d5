import { isA, placeOf, type Row } from './codec.ts'
import { ROWS, type EngineFacts, type Kind, type Thing } from './rows.ts'

/** Something that began and is not over, with the rows that report it. */
interface Open {
  readonly request: string | null
  rows: Row[]
}

interface OpenRequest extends Open {
  readonly startedAt: number
  /** Its sessions, ended ones too: how far an engine got is shown for as long as the request is. */
  readonly sessions: Map<string, Row[]>
  /** How many of its check-outs, transactions, statements and commits are not over. */
  children: number
  isOver: boolean
}

/** Takes rows that are no longer needed to rebuild what is open. `closes`: the request itself has left. */
export type Leaving = (rows: Row[], request: string | null, closes: boolean) => void

interface Step {
  readonly does: 'begins' | 'continues' | 'renews' | 'ends'
  readonly of: Thing
  /** The places of the thing's id and of its request's, if the row has one. */
  readonly id: number
  readonly request: number | undefined
}

/** What a thing is known by, if not by an `id`. */
const NAMED: { readonly [T in Thing]?: string } = { engine: 'engine', doubt: 'gid' }

/** The places of `part`, by the number of a row's kind. */
const PARTS: (number | undefined)[] = []
/** By the number of a row's kind; none where the row is about nothing that lasts. */
const STEPS: (Step | undefined)[] = []
for (const kind of Object.keys(ROWS) as Kind[]) {
  const { life, number, columns } = ROWS[kind]
  if (life === 'passes' || life === 'stays') continue
  const [does, of] = life.split(' ') as [Step['does'], Thing]
  const place = (column: string) => (column in columns ? placeOf(kind, column as never) : undefined)
  PARTS[number] = place('part')
  STEPS[number] = { does, of, id: place(NAMED[of] ?? 'id') ?? 0, request: place('request') }
}

/** The numbers of the kinds of which the last rows are kept, although nothing lasts. */
const STAYING = new Set<number>(
  Object.values(ROWS).flatMap(({ life, number }) => (life === 'stays' ? [number] : [])),
)
const MOST_STAYING = 200

const USES = placeOf('connected', 'uses')
const CONNECTION_ACQUIRED = placeOf('checkoutAcquired', 'connection')
const FACTS = placeOf('engine', 'facts')

/** The connection whose use a row reports, or null. */
export const useOf = (row: Row): string | null =>
  isA('checkoutAcquired', row) ? (row[CONNECTION_ACQUIRED] as string) : null

/** A connection's row with as many more uses. */
export const withUses = (row: Row, more: number): Row =>
  row.with(USES, Math.max(0, (row[USES] as number) + more)) as Row

/** What is kept alike: each thing with its rows, until it is over. */
type Kept = Exclude<Thing, 'engine' | 'request' | 'session'>

/** How many rows of one thing may be kept, and how many things of a kind. */
const MOST: { readonly [T in Kept]?: { readonly rows?: number; readonly things?: number } } = {
  transaction: { rows: 200 },
  doubt: { things: 1_000 },
}

/**
 * The rows that rebuild what is open at one point of the flow: engines, connections, running requests with their
 * sessions, check-outs, transactions, statements and commits, and what is in doubt. Apply the rows in order. Every row
 * is either in here or was handed to `leaving`, once.
 *
 * A request that is over stays as long as something of it is open: a leak needs its owner's name.
 */
export class OpenRows {
  readonly #engines = new Map<string, Row[]>()
  readonly #requests = new Map<string, OpenRequest>()
  readonly #requestOfSession = new Map<string, string>()
  readonly #open: { readonly [T in Kept]: Map<string, Open> } = {
    connection: new Map(),
    checkout: new Map(),
    transaction: new Map(),
    statement: new Map(),
    commit: new Map(),
    doubt: new Map(),
  }
  readonly #staying: Row[] = []
  readonly #leaving: Leaving
  readonly #most: number

  constructor(leaving: Leaving, most = 10_000) {
    this.#leaving = leaving
    this.#most = most
  }

  apply(row: Row): void {
    const step = STEPS[row[1]]
    if (step === undefined) return this.#pass(row)
    const id = row[step.id] as string
    switch (step.of) {
      case 'engine':
        return this.#engine(id, row)
      case 'request':
        return this.#request(step, id, row)
      case 'session':
        return this.#session(step, id, row)
      default:
        return this.#thing(step, step.of, id, row)
    }
  }

  /** The pool of an engine that is open. */
  poolOf(engine: string): string | undefined {
    const last = this.#engines.get(engine)?.at(-1)
    return last && isA('engine', last) ? (last[FACTS] as EngineFacts).pool : undefined
  }

  /** When a request in here began, and whether it is over. */
  request(id: string): { readonly startedAt: number; readonly isOver: boolean } | undefined {
    return this.#requests.get(id)
  }

  /** The request of a commit that is under way. */
  requestOfCommit(id: string): string | null {
    return this.#open.commit.get(id)?.request ?? null
  }

  /** A statement that is not answered yet. */
  statement(id: string): { readonly request: string | null } | undefined {
    return this.#open.statement.get(id)
  }

  /** Counts a use of a connection whose rows are gone, so that the connection's own row still has the sum. */
  countUse(connection: string | null): void {
    const rows = connection === null ? undefined : this.#open.connection.get(connection)?.rows
    if (rows) rows[0] = withUses(rows[0]!, 1)
  }

  /** All rows in here, in no particular order. */
  *rows(): Iterable<Row> {
    for (const rows of this.#engines.values()) yield* rows
    for (const request of this.#requests.values()) {
      yield* request.rows
      for (const rows of request.sessions.values()) yield* rows
    }
    for (const open of Object.values(this.#open)) for (const { rows } of open.values()) yield* rows
    yield* this.#staying
  }

  #pass(row: Row): void {
    if (!STAYING.has(row[1])) return this.#leaving([row], null, false)
    this.#staying.push(row)
    if (this.#staying.length > MOST_STAYING) this.#leaving([this.#staying.shift()!], null, false)
  }

  /** An engine that is closed stays, so that a page shows it. */
  #engine(name: string, row: Row): void {
    if (isA('engine', row)) {
      const { engine } = row[FACTS] as EngineFacts
      const before = this.#engines.get(engine)
      this.#engines.set(engine, [row])
      if (before) this.#leaving(before, null, false)
      return
    }
    const rows = this.#engines.get(name)
    if (rows?.length === 1) rows.push(row)
    else this.#leaving([row], null, false)
  }

  #request({ does }: Step, id: string, row: Row): void {
    if (does === 'begins') return this.#beginRequest(id, row)
    const request = this.#requests.get(id)
    if (!request) return this.#leaving([row], id, does === 'ends')
    // The later row says all that the earlier one did.
    if (does === 'renews') return this.#replaceLast({ request: null, rows: request.rows }, row)
    request.rows.push(row)
    request.isOver = true
    this.#settle(id, request)
  }

  #beginRequest(id: string, row: Row): void {
    const before = this.#requests.get(id)
    if (before) this.#closeRequest(id, before)
    const facts = { request: id, rows: [row], startedAt: row[2] }
    const request: OpenRequest = { ...facts, sessions: new Map(), children: 0, isOver: false }
    this.#requests.set(id, request)
    if (this.#requests.size > this.#most)
      for (const [oldest, its] of this.#requests) return this.#closeRequest(oldest, its)
  }

  #closeRequest(id: string, request: OpenRequest): void {
    this.#requests.delete(id)
    const { rows } = request
    request.rows = []
    for (const [session, its] of request.sessions) {
      this.#requestOfSession.delete(session)
      rows.push(...its)
    }
    request.sessions.clear()
    this.#leaving(rows, id, true)
  }

  #settle(id: string, request: OpenRequest): void {
    if (request.isOver && request.children <= 0) this.#closeRequest(id, request)
  }

  /** A session keeps one row of each kind: a job that commits ten thousand times must not grow by as many. */
  #session({ does, request: place }: Step, id: string, row: Row): void {
    if (does === 'begins') {
      const owner = row[place!] as string
      const request = this.#requests.get(owner)
      if (!request) return this.#leaving([row], owner, false)
      request.sessions.set(id, [row])
      this.#requestOfSession.set(id, owner)
      return
    }
    const owner = this.#requestOfSession.get(id) ?? null
    const rows = owner === null ? undefined : this.#requests.get(owner)?.sessions.get(id)
    if (!rows) return this.#leaving([row], null, false)
    this.#replaceLast({ request: owner, rows }, row)
  }

  #thing({ does, request }: Step, of: Kept, id: string, row: Row): void {
    const open = this.#open[of]
    const entry = open.get(id)
    if (does === 'begins') {
      if (entry) this.#close(open, id, entry)
      const owner = request === undefined ? null : (row[request] as string | null)
      return this.#begin(open, MOST[of]?.things ?? this.#most, id, owner, row)
    }
    if (!entry) return this.#leaving([row], null, false)
    if (does === 'renews') return this.#replaceLast(entry, row)
    if (does === 'continues' && entry.rows.length > (MOST[of]?.rows ?? Infinity))
      return this.#leaving([row], entry.request, false)
    entry.rows.push(row)
    if (does === 'ends') this.#close(open, id, entry)
  }

  #begin(open: Map<string, Open>, most: number, id: string, request: string | null, row: Row): void {
    open.set(id, { request, rows: [row] })
    const owner = request === null ? undefined : this.#requests.get(request)
    if (owner) owner.children++
    if (open.size > most) for (const [oldest, its] of open) return this.#close(open, oldest, its)
  }

  #close(open: Map<string, Open>, id: string, entry: Open): void {
    open.delete(id)
    const { rows } = entry
    // The map's old tables keep the entry for a while longer; its rows should not stay with it.
    entry.rows = []
    this.#leaving(rows, entry.request, false)
    const owner = entry.request === null ? undefined : this.#requests.get(entry.request)
    if (!owner || entry.request === null) return
    owner.children--
    this.#settle(entry.request, owner)
  }

  #replaceLast(entry: Open, row: Row): void {
    const part = PARTS[row[1]]
    const isSame = (other: Row) => other[1] === row[1] && (part === undefined || other[part] === row[part])
    const index = entry.rows.findLastIndex(isSame)
    const before = index < 0 ? undefined : entry.rows.splice(index, 1)
    entry.rows.push(row)
    if (before) this.#leaving(before, entry.request, false)
  }
}
