import type { Finding } from './finding.ts'
import type { Row, TextId } from './codec.ts'
import type { Time } from './rows.ts'

/**
 * The messages between the panel's Node half and its page: JSON text over one websocket, subprotocol `enginelight.v1`.
 * This file and `rows.ts` are the whole contract.
 *
 * Facts travel as *rows*: short arrays, a fifth of the size of the same facts as objects. Each row begins with its
 * sequence number, its kind and its time. The page has one function that applies a row to its state; a snapshot
 * consists of rows as well, so there is no second way to reach a state.
 *
 * Within version 1 changes are additive: a reader ignores kinds and columns that it does not know.
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
  /** Random per process start: a page that sees another value starts anew. */
  boot: string
  application: string
  /** The application's URL, if the panel is mounted on its server; null if the panel has a port of its own. */
  applicationUrl: string | null
  pid: number
  thread: number
  node: string
  /** Epoch milliseconds of time 0. */
  timeOrigin: number
  /** The process's clock at the time of sending, to set the page's clock. */
  now: Time
  /** The newest row at the time of sending: a reader that has it knows all that there was. Of older processes unknown. */
  seq?: number
  limits: { ringBytes: number; requestsKept: number; statementsPerRequest: number }
  /** Of the drivers, as Enginelight finds them; null where it does not. Unknown of an older process. */
  versions?: { pg: string | null; knex: string | null }
  /** Whether the application lets errors keep their own messages, which may quote values. */
  errorMessages?: boolean
}

/**
 * The state as of `seq`, as rows to apply to an empty state; `ev` continues at `seq + 1`. Its rows are the originals,
 * with their first sequence number and time; a finished request is complete. An open connection has a `connected` row
 * whose `uses` counts the holds before those whose rows follow.
 */
export interface Snapshot {
  type: 'snap'
  seq: number
  rows: Row[]
}

/** Interned strings; each is sent once per socket, before its first use. */
export interface Dictionary {
  type: 'dict'
  entries: [id: TextId, text: string][]
}

/** Rows in order, at most 25 ms old. */
export interface Events {
  type: 'ev'
  rows: Row[]
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
  /** How many rows were dropped since the process started, by cause; and how many findings. */
  dropped: { ring: number; statements: number; page: number; findings: number }
  ring: { bytes: number; limit: number }
  viewers: number
  /** The panel's share of one core over the last second, 0 to 1, estimated; at most `cpu`. */
  ownCost: number
  /** The whole process's share of one core in the same time; above 1 where several threads work. */
  cpu?: number
  /** How many messages could not be recorded. */
  failures?: number
  /** The version that each engine's server told; null where it could not be asked. */
  servers?: [engine: string, version: string | null][]
}

export type EngineGauge = [
  engine: string,
  used: number,
  idle: number,
  waiting: number,
  max: number,
  /** How long the longest hold has lasted, or null if there is none. */
  oldestHoldMs: number | null,
]

/**
 * What the servers report about prepared transactions, and about the locks of open ones. Asked every other second while
 * a page watches, over connections that an engine has to spare.
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

/** A row of `pg_prepared_xacts` in the engine's database, no matter what prepared it. */
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
  /** The pids that it waits for; 0 means a prepared transaction. */
  blockedBy: number[]
}

/** Locks of one mode on one relation, or of one other kind: `RowExclusiveLock` on `orders`. */
export type LockTruth = [what: string, mode: string, granted: boolean]

/**
 * Once a second, if anything changed: what is wrong in the process, and what was, until it is dismissed. The first on a
 * socket names everything.
 */
export interface Findings {
  type: 'findings'
  now: Time
  /** New, or with other words or numbers. */
  found: Finding[]
  /** The keys of those that were dismissed, or dropped because there are too many. */
  over: string[]
}

/** One process, or thread, of the project that has a panel. */
export interface ProcessFacts {
  boot: string
  pid: number
  thread: number
  /** Its number in a cluster or under PM2. */
  worker: number | null
  application: string
  /** The address of its page, without the token; null while its server has none. */
  page: string | null
  /** Epoch milliseconds. */
  startedAt: number
}

/** On the socket of processes, at once and when one comes or goes: all there are, the oldest first. */
export interface Processes {
  type: 'processes'
  /** Whether scripts of the application share the page's origin, and so could read a token that is stored there. */
  isMounted: boolean
  /** The boot of the process that tells. */
  here: string
  all: readonly ProcessFacts[]
}

export interface Bye {
  type: 'bye'
  reason: string
  retryAfterMs: number | null
}

export type ServerMessage = Hello | Snapshot | Dictionary | Events | Gap | Stat | ServerTruth | Findings | Bye

// ------------------------------------------------------------------------------------- page to server

/** The first frame, due within two seconds: without it, no data is sent. */
export interface Auth {
  type: 'auth'
  token: string
}

/**
 * Starts the flow of rows: after `seq` if `boot` is still this process and the ring still has those rows, otherwise
 * from a snapshot.
 */
export interface Subscribe {
  type: 'sub'
  since: { boot: string; seq: number } | null
}

/** A hidden page gets `stat` at a fifth of the rate and no rows; once visible again it is brought up to date. */
export interface Visibility {
  type: 'vis'
  visible: boolean
}

/** The last row that the page has applied. */
export interface Acknowledge {
  type: 'ack'
  seq: number
}

/** Whether the page shows what only the servers can report, and so wants `truth`. */
export interface Watch {
  type: 'watch'
  truth: boolean
}

/** A finding was read and need not be told again, to any page, unless it begins anew. */
export interface Dismiss {
  type: 'dismiss'
  key: string
}

export type ClientMessage = Auth | Subscribe | Visibility | Acknowledge | Watch | Dismiss

/** Close codes of the socket beyond the standard ones. */
export const CLOSE = { unauthorized: 4401, noToken: 4408, tooSlow: 1013, tooManyViewers: 4429 } as const
