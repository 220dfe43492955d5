import { decode, kindOf, type Row } from '../../model/codec.ts'
import type { Fact, Kind } from '../../model/rows.ts'

/**
 * A minimal page: what is open now, by applying rows. An independent reading of the rows, made for comparing two pages
 * with each other and with the recorder.
 */
export class PageState {
  seq = 0
  readonly engines = new Map<string, unknown>()
  readonly connections = new Map<string, { slot: number; uses: number; heldBy: string | null }>()
  readonly requests = new Map<string, { label: string; over: boolean; omitted: number; sessions: string[] }>()
  readonly sessions = new Map<string, { request: string; state: string }>()
  readonly checkouts = new Map<
    string,
    {
      request: string | null
      connection: string | null
      site: string
      isLineTaken: boolean
      overdue?: string
    }
  >()
  readonly transactions = new Map<string, { connection: string; failed: string | null }>()
  readonly statements = new Map<string, { text: string }>()
  readonly commits = new Map<string, { mode: string; steps: string[] }>()
  readonly inDoubt = new Map<string, { engine: string; reason: string }>()
  readonly endings = new Map<string, string>()
  readonly lately = new Set<string>()

  reset(): void {
    for (const part of this.#parts()) part.clear()
    this.lately.clear()
  }

  /** What is open, for comparison: a request that is over counts as long as one of its check-outs is open. */
  open(): unknown {
    const running = [...this.requests].filter(([id, request]) => !request.over || this.#hasOpen(id))
    return {
      engines: Object.fromEntries(this.engines),
      connections: Object.fromEntries(this.connections),
      requests: Object.fromEntries(running),
      sessions: Object.fromEntries([...this.sessions].filter(([, { request }]) => !this.#isOver(request))),
      checkouts: Object.fromEntries(this.checkouts),
      transactions: Object.fromEntries(this.transactions),
      statements: Object.fromEntries(this.statements),
      commits: Object.fromEntries(this.commits),
      inDoubt: Object.fromEntries(this.inDoubt),
      lately: [...this.lately],
    }
  }

  apply(row: Row, texts: ReadonlyMap<number, string>): void {
    if (row[0] > this.seq) this.seq = row[0]
    const kind = kindOf(row)
    if (kind === undefined) return
    const fact = decode(kind, row, id => {
      const found = texts.get(id)
      if (found === undefined)
        throw new Error(`Row ${row[0]} names text ${id}, which was not sent before it.`)
      return found
    })
    this.#changes[kind]?.(fact as never)
  }

  readonly #changes: { readonly [K in Kind]?: (fact: Fact<K>) => void } = {
    engine: ({ facts }) => this.engines.set(facts.engine, facts),
    engineClosed: ({ engine }) => this.engines.set(engine, 'closed'),
    connected: ({ id, slot, uses }) => this.connections.set(id, { slot, uses, heldBy: null }),
    disconnected: ({ id }) => this.connections.delete(id),
    requestStart: ({ id, label }) => this.requests.set(id, { label, over: false, omitted: 0, sessions: [] }),
    requestEnd: ({ id }) => change(this.requests, id, { over: true }),
    statementsOmitted: ({ id, total }) => change(this.requests, id, { omitted: total }),
    sessionStart: ({ id, request }) => {
      this.requests.get(request)?.sessions.push(id)
      this.sessions.set(id, { request, state: 'started' })
    },
    sessionState: ({ id, state }) => change(this.sessions, id, { state }),
    sessionEnd: ({ id, released }) => change(this.sessions, id, { state: String(released) }),
    checkoutStart: ({ id, request, site, isLineTaken }) =>
      this.checkouts.set(id, { request, connection: null, site: site ?? '', isLineTaken }),
    checkoutAcquired: ({ id, connection }) => {
      change(this.checkouts, id, { connection })
      const held = this.connections.get(connection)
      if (held) change(this.connections, connection, { uses: held.uses + 1, heldBy: id })
    },
    checkoutOverdue: ({ id, state }) => change(this.checkouts, id, { overdue: state }),
    stalled: ({ stalledMs }) => this.lately.add(`stalled for ${stalledMs}`),
    warned: ({ code, message }) => this.lately.add(`${code}: ${message}`),
    checkoutFailed: ({ id }) => this.checkouts.delete(id),
    checkoutReleased: ({ id }) => {
      const connection = this.connections.get(this.checkouts.get(id)?.connection ?? '')
      if (connection?.heldBy === id) connection.heldBy = null
      this.checkouts.delete(id)
    },
    statementStart: ({ id, text }) => this.statements.set(id, { text }),
    statementEnd: ({ id }) => this.statements.delete(id),
    transactionStart: ({ id, connection }) => this.transactions.set(id, { connection, failed: null }),
    transactionFailed: ({ id, code }) => change(this.transactions, id, { failed: code }),
    transactionEnd: ({ id }) => this.transactions.delete(id),
    sessionEnding: ({ id, why, site }) => this.endings.set(id, `${why} at ${site ?? ''}`),
    commitStart: ({ id, mode }) => this.commits.set(id, { mode, steps: [] }),
    stepStart: ({ id, engine, step }) => this.commits.get(id)?.steps.push(`${step} ${engine}`),
    stepEnd: ({ id, engine, step, command, code }) =>
      this.commits.get(id)?.steps.push(`${step} ${engine}: ${command ?? code}`),
    commitEnd: ({ id }) => this.commits.delete(id),
    inDoubt: ({ gid, engine, reason }) => this.inDoubt.set(gid, { engine, reason }),
    recovered: ({ gid }) => this.inDoubt.delete(gid),
  }

  #parts() {
    const { engines, connections, requests, sessions, checkouts, transactions, statements } = this
    const { commits, inDoubt, endings } = this
    return [
      engines,
      connections,
      requests,
      sessions,
      checkouts,
      transactions,
      statements,
      commits,
      inDoubt,
      endings,
    ]
  }

  #isOver(request: string): boolean {
    return this.requests.get(request)?.over !== false
  }

  #hasOpen(request: string): boolean {
    return [...this.checkouts.values()].some(checkout => checkout.request === request)
  }
}

function change<T extends object>(among: Map<string, T>, id: string, to: Partial<T>): void {
  const it = among.get(id)
  if (it) Object.assign(it, to)
}
