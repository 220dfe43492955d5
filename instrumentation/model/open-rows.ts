import {
  KIND,
  type AnyRow,
  type ConnectedRow,
  type EngineClosedRow,
  type EngineRow,
  type InDoubtRow,
  type SessionEndingRow,
  type SessionStateRow,
} from './rows.ts'

/** Something that began and is not over, with the rows that report it. */
interface Open {
  readonly request: string | null
  rows: AnyRow[]
}

interface OpenRequest extends Open {
  readonly startedAt: number
  /** Its sessions, ended ones too: how far an engine got is shown for as long as the request is. */
  readonly sessions: Map<string, AnyRow[]>
  /** How many of its check-outs, transactions and statements are not over. */
  children: number
  isOver: boolean
}

/** Takes rows that are no longer needed to rebuild what is open. `closes`: the request itself has left. */
export type Leaving = (rows: AnyRow[], request: string | null, closes: boolean) => void

/**
 * The rows that rebuild what is open at one point of the flow: engines, connections, running requests with their
 * sessions, check-outs, transactions, statements and commits, and what is in doubt. Apply the rows in order. Every row
 * is either in here or was handed to `leaving`, once.
 *
 * A request that is over stays as long as something of it is open: a leak needs its owner's name.
 */
export class OpenRows {
  readonly #engines = new Map<string, AnyRow[]>()
  readonly #connections = new Map<string, ConnectedRow>()
  readonly #requests = new Map<string, OpenRequest>()
  readonly #requestOfSession = new Map<string, string>()
  readonly #checkouts = new Map<string, Open>()
  readonly #transactions = new Map<string, Open>()
  readonly #statements = new Map<string, Open>()
  readonly #commits = new Map<string, Open>()
  /** The last row about each prepared transaction that recovery has found and not resolved, by gid. */
  readonly #inDoubt = new Map<string, InDoubtRow>()
  readonly #leaving: Leaving
  readonly #most: number

  constructor(leaving: Leaving, most = 10_000) {
    this.#leaving = leaving
    this.#most = most
  }

  apply(row: AnyRow): void {
    switch (row[1]) {
      case KIND.engine: {
        const engine = row[3].engine
        const before = this.#engines.get(engine)
        this.#engines.set(engine, [row])
        if (before) this.#leaving(before, null, false)
        return
      }
      case KIND.engineClosed: {
        const rows = this.#engines.get(row[3])
        if (rows?.length === 1) rows.push(row)
        else this.#leaving([row], null, false)
        return
      }
      case KIND.connected: {
        const before = this.#connections.get(row[3])
        this.#connections.set(row[3], row)
        if (before) this.#leaving([before], null, false)
        return
      }
      case KIND.disconnected: {
        const before = this.#connections.get(row[3])
        this.#connections.delete(row[3])
        return this.#leaving(before ? [before, row] : [row], null, false)
      }
      case KIND.connectFailed:
        return this.#leaving([row], null, false)
      case KIND.requestStart:
        return this.#beginRequest(row[3], row)
      case KIND.requestEnd: {
        const request = this.#requests.get(row[3])
        if (!request) return this.#leaving([row], row[3], true)
        request.rows.push(row)
        request.isOver = true
        return this.#settle(row[3], request)
      }
      case KIND.statementsOmitted: {
        const request = this.#requests.get(row[3])
        if (!request) return this.#leaving([row], row[3], false)
        return this.#replaceLast(request, row)
      }
      case KIND.sessionStart: {
        const request = this.#requests.get(row[5])
        if (!request) return this.#leaving([row], row[5], false)
        request.sessions.set(row[3], [row])
        this.#requestOfSession.set(row[3], row[5])
        return
      }
      case KIND.sessionState:
      case KIND.sessionEnding:
        return this.#continueSession(row)
      case KIND.sessionEnd: {
        const rows = this.#session(row[3])
        if (!rows) return this.#leaving([row], null, false)
        rows.push(row)
        return
      }
      case KIND.checkoutStart:
        return this.#begin(this.#checkouts, row[3], row[6], row)
      case KIND.checkoutAcquired:
      case KIND.checkoutDirty:
        return this.#goOn(this.#checkouts, row[3], row)
      case KIND.checkoutKept:
        return this.#renew(this.#checkouts, row[3], row)
      case KIND.checkoutFailed:
      case KIND.checkoutReleased:
        return this.#end(this.#checkouts, row[3], row)
      case KIND.statementStart:
        return this.#begin(this.#statements, row[3], row[7], row)
      case KIND.statementEnd:
        return this.#end(this.#statements, row[3], row)
      case KIND.transactionStart:
        return this.#begin(this.#transactions, row[3], row[7], row)
      case KIND.transactionFailed:
        return this.#renew(this.#transactions, row[3], row)
      case KIND.savepoint: {
        const transaction = this.#transactions.get(row[3])
        if (!transaction || transaction.rows.length > SAVEPOINT_ROWS)
          return this.#leaving([row], transaction?.request ?? null, false)
        transaction.rows.push(row)
        return
      }
      case KIND.transactionEnd:
        return this.#end(this.#transactions, row[3], row)
      case KIND.commitStart:
        return this.#begin(this.#commits, row[3], row[4], row)
      case KIND.stepStart:
      case KIND.stepEnd:
        return this.#goOn(this.#commits, row[3], row)
      case KIND.commitEnd:
        return this.#end(this.#commits, row[3], row)
      case KIND.inDoubt:
        return this.#doubt(row)
      case KIND.recovered: {
        const before = this.#inDoubt.get(row[4])
        this.#inDoubt.delete(row[4])
        return this.#leaving(before ? [before, row] : [row], null, false)
      }
      default:
        row satisfies never
    }
  }

  engine(name: string): EngineRow | EngineClosedRow | undefined {
    return this.#engines.get(name)?.at(-1) as EngineRow | EngineClosedRow | undefined
  }

  /** When a request in here began, and whether it is over. */
  request(id: string): { readonly startedAt: number; readonly isOver: boolean } | undefined {
    return this.#requests.get(id)
  }

  /** The request of a commit that is under way. */
  requestOfCommit(id: string): string | null {
    return this.#commits.get(id)?.request ?? null
  }

  hasStatement(id: string): boolean {
    return this.#statements.has(id)
  }

  /** Counts a use of a connection whose rows are gone, so that the connection's own row still has the sum. */
  countUse(connection: string): void {
    const row = this.#connections.get(connection)
    if (row) this.#connections.set(connection, row.with(8, row[8] + 1) as ConnectedRow)
  }

  /** All rows in here, in no particular order. */
  *rows(): Iterable<AnyRow> {
    for (const rows of this.#engines.values()) yield* rows
    yield* this.#connections.values()
    for (const request of this.#requests.values()) {
      yield* request.rows
      for (const rows of request.sessions.values()) yield* rows
    }
    for (const open of [this.#checkouts, this.#transactions, this.#statements, this.#commits])
      for (const { rows } of open.values()) yield* rows
    yield* this.#inDoubt.values()
  }

  #beginRequest(id: string, row: AnyRow): void {
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

  #session(id: string): AnyRow[] | undefined {
    const request = this.#requestOfSession.get(id)
    return request === undefined ? undefined : this.#requests.get(request)?.sessions.get(id)
  }

  /** A session keeps one row of each kind: a job that commits ten thousand times must not grow by as many. */
  #continueSession(row: SessionStateRow | SessionEndingRow): void {
    const rows = this.#session(row[3])
    if (!rows) return this.#leaving([row], null, false)
    const index = rows.findIndex(other => other[1] === row[1])
    const before = index < 0 ? [] : rows.splice(index, 1)
    rows.push(row)
    if (before.length > 0) this.#leaving(before, this.#requestOfSession.get(row[3]) ?? null, false)
  }

  #doubt(row: InDoubtRow): void {
    const before = this.#inDoubt.get(row[4])
    this.#inDoubt.delete(row[4])
    this.#inDoubt.set(row[4], row)
    if (before) this.#leaving([before], null, false)
    if (this.#inDoubt.size <= DOUBTS) return
    for (const [gid, oldest] of this.#inDoubt) {
      this.#inDoubt.delete(gid)
      return this.#leaving([oldest], null, false)
    }
  }

  #begin(open: Map<string, Open>, id: string, request: string | null, row: AnyRow): void {
    const before = open.get(id)
    if (before) this.#close(open, id, before)
    open.set(id, { request, rows: [row] })
    const owner = request === null ? undefined : this.#requests.get(request)
    if (owner) owner.children++
    if (open.size > this.#most) for (const [oldest, its] of open) return this.#close(open, oldest, its)
  }

  #goOn(open: Map<string, Open>, id: string, row: AnyRow): void {
    const entry = open.get(id)
    if (entry) entry.rows.push(row)
    else this.#leaving([row], null, false)
  }

  #end(open: Map<string, Open>, id: string, row: AnyRow): void {
    const entry = open.get(id)
    if (!entry) return this.#leaving([row], null, false)
    entry.rows.push(row)
    this.#close(open, id, entry)
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

  #renew(open: Map<string, Open>, id: string, row: AnyRow): void {
    const entry = open.get(id)
    if (entry) this.#replaceLast(entry, row)
    else this.#leaving([row], null, false)
  }

  #replaceLast(entry: Open, row: AnyRow): void {
    const index = entry.rows.findLastIndex(other => other[1] === row[1])
    const before = index < 0 ? undefined : entry.rows.splice(index, 1)
    entry.rows.push(row)
    if (before) this.#leaving(before, entry.request, false)
  }
}

const SAVEPOINT_ROWS = 200
const DOUBTS = 1_000
