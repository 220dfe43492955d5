import type { Time, TextId, AnyRow } from './rows.ts'

/**
 * What travels between the panel's Node half and its page: JSON text over one websocket, subprotocol
 * `enginelight.v1`. This file and `rows.ts` are the whole contract.
 *
 * Facts travel as *rows*: short arrays, a fifth of the size of the same facts as objects. Each row begins with its
 * sequence number, its kind and its time. The page holds one function that applies a row to its state; a
 * snapshot is nothing but rows as well, so there is no second way to reach a state.
 *
 * Within version 1 changes are additive: a reader ignores kinds it does not know and columns past those it knows.
 */
export const PROTOCOL_VERSION = 1
export const SUBPROTOCOL = 'enginelight.v1'

// ------------------------------------------------------------------------------------- server to page

/** The first message after a good token. */
export interface Hello {
  type: 'hello'
  protocol: typeof PROTOCOL_VERSION
  /** The package's version. */
  version: string
  /** Random per process start: a page that sees another one starts anew. */
  boot: string
  application: string
  /** Where the application answers, where the panel is mounted on its server; null on a port of its own. */
  applicationUrl: string | null
  pid: number
  thread: number
  node: string
  /** Epoch milliseconds of time 0. */
  timeOrigin: number
  /** The process's clock as this was sent, to set the page's clock by. */
  now: Time
  limits: { ringBytes: number; requestsKept: number; statementsPerRequest: number }
}

/**
 * The state as of `seq`, as rows to apply to an empty state; `ev` goes on from `seq + 1`. Its rows are the originals, with
 * the sequence number and time they were told with; where a request is finished it is there to the end. Of an open
 * connection there is a `connected` whose `uses` counts the holds before those whose rows follow.
 */
export interface Snapshot {
  type: 'snap'
  seq: number
  rows: AnyRow[]
}

/** Interned strings, each sent once per socket and before its first use. */
export interface Dictionary {
  type: 'dict'
  entries: [id: TextId, text: string][]
}

/** Rows in order, at most 50 ms old. */
export interface Events {
  type: 'ev'
  rows: AnyRow[]
}

/** Rows `from` to `to` will never come: this page was too slow, or the ring too small. A `snap` follows. */
export interface Gap {
  type: 'gap'
  from: number
  to: number
  reason: 'slow page' | 'ring overrun'
}

/** Once a second: gauges as of `now`. */
export interface Stat {
  type: 'stat'
  now: Time
  engines: EngineGauge[]
  eventsPerSecond: number
  /** Rows that were dropped since the process started, by cause. */
  dropped: { ring: number; statements: number; page: number }
  ring: { bytes: number; limit: number }
  viewers: number
  /** The recorder's own share of the process's time over the last second, 0 to 1. */
  ownCost: number
}

export type EngineGauge = [
  engine: string,
  used: number,
  idle: number,
  waiting: number,
  max: number,
  /** How long the longest hold has lasted, or null when none. */
  oldestHoldMs: number | null,
]

/**
 * What the servers themselves say of transactions that are prepared, and of the locks of those that are open: asked
 * every other second while a page watches, over connections that an engine has to spare.
 */
export interface ServerTruth {
  type: 'truth'
  now: Time
  engines: EngineTruth[]
}

export type EngineTruth =
  | {
      engine: string
      /** Asked on `now - askedMs`. */
      askedMs: number
      prepared: PreparedTruth[]
      open: OpenTruth[]
    }
  /** Why the engine could not be asked this time. */
  | { engine: string; unasked: string }

/** A row of `pg_prepared_xacts` in the engine's database, whoever has prepared it. */
export interface PreparedTruth {
  gid: string
  owner: string
  ageMs: number
  locks: LockTruth[]
}

/** The locks of one of our own backends, by its pid. */
export interface OpenTruth {
  pid: number
  locks: LockTruth[]
  /** The pids that it waits for; 0 is a prepared transaction. */
  blockedBy: number[]
}

/** Locks of one mode on one relation, or of one other kind: `RowExclusiveLock` on `orders`. */
export type LockTruth = [what: string, mode: string, granted: boolean]

export interface Bye {
  type: 'bye'
  reason: string
  retryAfterMs: number | null
}

export type ServerMessage = Hello | Snapshot | Dictionary | Events | Gap | Stat | ServerTruth | Bye

// ------------------------------------------------------------------------------------- page to server

/** The first frame, within two seconds: without it, no data. */
export interface Auth {
  type: 'auth'
  token: string
}

/** Starts the flow of rows: after `seq` where `boot` is still this process and the ring still has them, else from a snapshot. */
export interface Subscribe {
  type: 'sub'
  since: { boot: string; seq: number } | null
}

/** A hidden page receives `stat` at a fifth of the rate and no rows; shown again it is brought up to date. */
export interface Visibility {
  type: 'vis'
  visible: boolean
}

/** The last row that the page has applied. */
export interface Acknowledge {
  type: 'ack'
  seq: number
}

/** Whether the page shows what only the servers can say, and so wants `truth`. */
export interface Watch {
  type: 'watch'
  truth: boolean
}

export type ClientMessage = Auth | Subscribe | Visibility | Acknowledge | Watch

/** Close codes of the socket beyond the standard ones. */
export const CLOSE = { unauthorized: 4401, noToken: 4408, tooSlow: 1013, tooManyViewers: 4429 } as const
