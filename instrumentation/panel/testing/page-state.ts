import { KIND, type AnyRow } from '../../model/rows.ts'

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
    { request: string | null; connection: string | null; site: string; isLineTaken: boolean }
  >()
  readonly transactions = new Map<string, { connection: string; failed: string | null }>()
  readonly statements = new Map<string, { text: string }>()
  readonly commits = new Map<string, { mode: string; steps: string[] }>()
  readonly inDoubt = new Map<string, { engine: string; reason: string }>()
  readonly endings = new Map<string, string>()

  reset(): void {
    for (const part of this.#parts()) part.clear()
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
    }
  }

  apply(row: AnyRow, texts: ReadonlyMap<number, string>): void {
    const text = (id: number | null): string => {
      if (id === null) return ''
      const found = texts.get(id)
      if (found === undefined)
        throw new Error(`Row ${row[0]} names text ${id}, which was not sent before it.`)
      return found
    }
    if (row[0] > this.seq) this.seq = row[0]
    switch (row[1]) {
      case KIND.engine:
        return void this.engines.set(row[3].engine, row[3])
      case KIND.engineClosed:
        return void this.engines.set(row[3], 'closed')
      case KIND.connected:
        return void this.connections.set(row[3], { slot: row[6], uses: row[8], heldBy: null })
      case KIND.disconnected:
        text(row[4])
        return void this.connections.delete(row[3])
      case KIND.requestStart:
        return void this.requests.set(row[3], { label: text(row[5]), over: false, omitted: 0, sessions: [] })
      case KIND.requestEnd: {
        const request = this.requests.get(row[3])
        if (request) request.over = true
        return
      }
      case KIND.statementsOmitted: {
        const request = this.requests.get(row[3])
        if (request) request.omitted = row[4]
        return
      }
      case KIND.sessionStart:
        this.requests.get(row[5])?.sessions.push(row[3])
        return void this.sessions.set(row[3], { request: row[5], state: 'started' })
      case KIND.sessionState:
      case KIND.sessionEnd: {
        const session = this.sessions.get(row[3])
        if (session) session.state = String(row[4])
        return
      }
      case KIND.checkoutStart:
        text(row[9])
        {
          const isLineTaken = row[10] === undefined
          return void this.checkouts.set(row[3], {
            request: row[6],
            connection: null,
            site: text(row[8]),
            isLineTaken,
          })
        }
      case KIND.checkoutAcquired: {
        const checkout = this.checkouts.get(row[3])
        const connection = this.connections.get(row[4])
        if (checkout) checkout.connection = row[4]
        if (connection) {
          connection.uses++
          connection.heldBy = row[3]
        }
        return
      }
      case KIND.checkoutFailed:
        text(row[5])
        return void this.checkouts.delete(row[3])
      case KIND.checkoutReleased: {
        text(row[4])
        const connection = this.connections.get(this.checkouts.get(row[3])?.connection ?? '')
        if (connection?.heldBy === row[3]) connection.heldBy = null
        return void this.checkouts.delete(row[3])
      }
      case KIND.statementStart:
        text(row[12])
        return void this.statements.set(row[3], { text: text(row[9]) })
      case KIND.statementEnd:
        text(row[7])
        return void this.statements.delete(row[3])
      case KIND.transactionStart:
        text(row[8])
        return void this.transactions.set(row[3], { connection: row[4], failed: null })
      case KIND.transactionFailed: {
        const transaction = this.transactions.get(row[3])
        if (transaction) transaction.failed = row[5]
        return
      }
      case KIND.transactionEnd:
        return void this.transactions.delete(row[3])
      case KIND.connectFailed:
        return void text(row[6])
      case KIND.checkoutDirty:
        return void text(row[6])
      case KIND.checkoutKept:
        return void text(row[4])
      case KIND.savepoint:
        return
      case KIND.sessionEnding:
        return void this.endings.set(row[3], `${row[4]} at ${text(row[5])}`)
      case KIND.commitStart:
        text(row[8])
        return void this.commits.set(row[3], { mode: row[5], steps: [] })
      case KIND.stepStart:
        return void this.commits.get(row[3])?.steps.push(`${row[5]} ${row[4]}`)
      case KIND.stepEnd:
        text(row[9])
        return void this.commits.get(row[3])?.steps.push(`${row[5]} ${row[4]}: ${row[7] ?? row[8]}`)
      case KIND.commitEnd:
        text(row[8])
        return void this.commits.delete(row[3])
      case KIND.inDoubt:
        return void this.inDoubt.set(row[4], { engine: row[3], reason: text(row[7]) })
      case KIND.recovered:
        return void this.inDoubt.delete(row[4])
      default:
        row satisfies never
    }
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
