/** A participant of a two-phase commit that is prepared, as the decision row lists it. */
export interface PreparedPart {
  readonly engine: string
  readonly database: string
  readonly gid: string
}

/** How long the holder of the decision may stand idle, and wait for a lock, in milliseconds. */
export interface DecisionLimits {
  readonly idleTimeoutMs: number
  readonly lockTimeoutMs: number
}

/** What a server is, for two-phase commits: the columns of `serverFacts`. */
export interface ServerFacts {
  /** Whether it is a standby, which takes no writes. */
  readonly standby: boolean
  /** The server's number for the connection that asked. */
  readonly pid: number
  readonly database: string
  /** How many transactions it can hold prepared. */
  readonly slots: number
  /** Whether the tables are there. */
  readonly installed: boolean
  /** Whether this role may use them. */
  readonly may: boolean
}

export type Statement = string | { text: string; values: unknown[] }

/**
 * How transactions are prepared, and how the decision about them is kept and asked for. All are statements; what their
 * rows are called is said at each.
 */
export interface TwoPhase {
  prepare(gid: string): string
  commitPrepared(gid: string): string
  rollbackPrepared(gid: string): string
  /** Command tags after which a transaction cannot be prepared. */
  readonly unpreparable: ReadonlySet<string>
  /** Why a server refuses to prepare a transaction that it could commit, by its code. */
  readonly notPrepared: Readonly<Record<string, string>>
  /** How a server says, in its own words, that it has no slot for prepared transactions. */
  readonly slotsSetting: string

  /** The owner of a prepared transaction, as a row with `owner`. */
  ownerOf(gid: string): Statement
  /** Goes on in another role. */
  becomeRole(role: string): string
  /** Prepared transactions whose name begins so, as rows with `gid` and `age_ms`. */
  prepared(beginning: string): Statement
  /** `standby`, and `installed`: whether the role may read the location. */
  readonly lookFacts: string
  /** `database`, and `still`: those of the names that are prepared. No row on a standby. */
  stillPrepared(gids: readonly string[]): Statement

  readonly decisionTable: string
  readonly locationTable: string
  readonly installSql: string
  /** A row with `there`: whether both tables exist. */
  readonly isInstalled: string
  /** A row for the location, which a role may lack the right to read. */
  readonly hasLocation: string
  /** The columns of `ServerFacts`. */
  readonly serverFacts: string
  /** The id of the database, as a row with `id`. */
  readonly locationId: string
  insertDecision(
    transaction: string,
    application: string,
    parts: readonly PreparedPart[],
    limits: DecisionLimits,
  ): string
  /** Has the decision survive a crash of the server. */
  readonly raiseDurability: string
  deleteDecisions(transactions: readonly string[]): Statement
  /** Decisions older than this, as rows with `transaction` and `participants`. */
  oldDecisions(application: string, olderThanMs: number): Statement
  deleteOld(transactions: readonly string[]): Statement
  /** Tries to take the place of the decision. It is rolled back afterwards. */
  insertFence(transaction: string, lockTimeoutMs: number): string
  /** Whether an error of the fence says that the decision is there, and nothing else does. */
  isDecided(error: unknown): boolean
  /** The decision row, with `outcome`. */
  decision(transaction: string): Statement
}
