/** The `sql` of postgres.js, within begin(), savepoint() or of reserve(). */
export interface PostgresSql {
  unsafe(text: string, values?: any[], options?: any): any
}

/** A statement of postgres.js: a promise that is sent when somebody asks for its answer, once. */
export interface SqlQuery extends Promise<unknown> {
  /** Where it goes when it is sent: to the transaction that it was made in. */
  handler(query: SqlQuery): unknown
  /** Set before it is sent: these go as they are, with no type named, and nothing is asked of the server before. */
  parameters?: (string | null)[]
  /** Whether it has gone to its handler. */
  executed: boolean
  readonly strings: readonly string[]
  readonly state?: { readonly pid: number | null } | null
  readonly active: boolean
  readonly cancelled: unknown
  /** Has the rows come as arrays of what the server sent. */
  raw(): this
  execute(): this
  /** Resolves when the server has taken it. */
  canceller?: ((query: SqlQuery) => Promise<unknown>) | null
  reject(error: unknown): void
}

/** A connection of postgres.js: an object without a class, whose functions it looks up at each call. */
export interface SqlWire {
  execute(query: SqlQuery): unknown
  /** Of whoever has it to himself, another for each time: called when everything was answered. Null when it is nobody's. */
  reserved: Reserved | null
  terminate(): void
  /** Of begin(), which it has reject when the connection is lost. */
  onclose?: ((error: unknown) => void) | null
}

export interface Reserved {
  (): unknown
  release?: boolean
  /** Of ours, which stands in its place for a while. */
  instead?: Reserved
}

/** What a statement resolves to; several in one text, to an array of these. */
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
 * Keeps a statement of ours from failing the host: begin() and savepoint() roll back for each statement that failed in them,
 * whether or not somebody has caught its error, and they hear of it by `catch`.
 */
export function unheard(query: SqlQuery): SqlQuery {
  return Object.defineProperty(query, 'catch', { value: () => query })
}

/** Finds the connection that a `sql` sends on, by a statement that does nothing, in a failed transaction neither. */
export async function wireOf(sql: PostgresSql): Promise<{ wire: SqlWire; pid: number | null } | undefined> {
  // It is not shown where so much was written that the socket is full.
  for (let attempt = 0; attempt < 5; attempt++) {
    let wire: SqlWire | undefined
    const onexecute = (one: SqlWire) => Boolean((wire = one))
    const query = unheard(sql.unsafe('', [], { prepare: false, simple: true, onexecute }) as SqlQuery)
    await query
    if (wire) return { wire, pid: query.state?.pid ?? null }
  }
  return undefined
}
