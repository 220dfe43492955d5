import type { Statement } from './two-phase.ts'

/** What identifies a transaction on its server, to ask for its outcome after the connection is lost. */
export interface TransactionMark {
  readonly xid: string
  /** The history that the server is writing: after a failover another one assigns the same ids again. */
  readonly timeline: string
  readonly serverId: number | null
}

/** How a server is asked for the outcome of a transaction whose COMMIT was not answered. */
export interface UnknownCommit {
  /** A row with `xid` and `timeline` of the open transaction; both null where it has written nothing. */
  readonly mark: string
  /** A row with `status`: `committed`, `aborted`, `in progress`, or null for one too old. No row in another history. */
  status(mark: TransactionMark): Statement
  /** Ends the connection of a transaction whose COMMIT never arrived. */
  endWaiting(mark: TransactionMark): Statement
}
