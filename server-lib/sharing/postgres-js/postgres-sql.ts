/** The `sql` of postgres.js inside begin() or savepoint(), or from reserve(). */
export interface PostgresSql {
  unsafe(text: string, values?: any[], options?: any): any
}

/** A statement of postgres.js: a promise that is sent once, when it is first awaited. */
export interface SqlQuery extends Promise<unknown> {
  /** Called when it is sent: the handler of the transaction that it was made in. */
  handler(query: SqlQuery): unknown
  /** If set before it is sent, these go as they are, without types, and the server is not asked beforehand. */
  parameters?: (string | null)[]
  /** Whether it has gone to its handler. */
  executed: boolean
  readonly strings: readonly string[]
  readonly state?: { readonly pid: number | null } | null
  readonly active: boolean
  readonly cancelled: unknown
  /** Makes the rows arrays of the server's raw bytes. */
  raw(): this
  execute(): this
  /** Resolves when the server has taken the cancel. */
  canceller?: ((query: SqlQuery) => Promise<unknown>) | null
  reject(error: unknown): void
}

/** A connection of postgres.js: an object without a class, whose functions it looks up at each call. */
export interface SqlWire {
  execute(query: SqlQuery): unknown
  /**
   * The function of the current transaction or reservation, a new one each time, called when everything was answered.
   * Null while the connection is free.
   */
  reserved: Reserved | null
  terminate(): void
  /** Set by begin(), which rejects when the connection is lost. */
  onclose?: ((error: unknown) => void) | null
}

export interface Reserved {
  (): unknown
  release?: boolean
  /** On our own function: the host's one that it replaces meanwhile. */
  instead?: Reserved
}

/** What a statement resolves to; several in one text resolve to an array of these. */
export interface SqlResult extends Array<(Uint8Array | null)[]> {
  readonly command: string | null
  readonly count: number | null
  readonly columns?: readonly SqlColumn[] | null
}

export interface SqlColumn {
  readonly name: string
  readonly type: number
  readonly table: number
  readonly number: number
}

/**
 * Keeps a failed statement of ours from failing the host. begin() and savepoint() roll back for each statement in them
 * that failed, even if its error was caught; they learn of it through `catch`.
 */
export function unheard(query: SqlQuery): SqlQuery {
  return Object.defineProperty(query, 'catch', { value: () => query })
}

/** Finds the connection that a `sql` sends on, with a statement that does nothing even in a failed transaction. */
export async function wireOf(sql: PostgresSql): Promise<{ wire: SqlWire; pid: number | null } | undefined> {
  // It does not show while the socket's buffer is full.
  for (let attempt = 0; attempt < 5; attempt++) {
    let wire: SqlWire | undefined
    const onexecute = (one: SqlWire) => Boolean((wire = one))
    const query = unheard(sql.unsafe('', [], { prepare: false, simple: true, onexecute }) as SqlQuery)
    await query
    if (wire) return { wire, pid: query.state?.pid ?? null }
  }
  return undefined
}
