import type {
  CommitMode,
  CommitOutcome,
  CommitStep,
  Discard,
  EndReason,
  EngineOutcome,
  ParticipantRole,
  RequestKind,
  RequestOutcome,
  TransactionOutcome,
} from '../../server-lib/channels/words.ts'
import type { EngineFacts, HolderFacts, Time } from './rows.ts'

/**
 * What the page knows about the process: the rows applied so far, and nothing else. It is immutable: `apply` makes the
 * next state and leaves this one as it was, so a view may keep what it was drawn from.
 */
export interface PanelState {
  readonly seq: number
  readonly engines: ReadonlyMap<string, Engine>
  readonly pools: ReadonlyMap<string, Pool>
  /** By `laneKey`: a slot stays when its connection is replaced. */
  readonly lanes: ReadonlyMap<string, Lane>
  readonly connections: ReadonlyMap<string, Connection>
  readonly requests: ReadonlyMap<string, Request>
  /** Ids of the kept requests, oldest first. */
  readonly order: readonly string[]
  /** Check-outs that are waiting or held. */
  readonly checkouts: ReadonlyMap<string, Checkout>
  readonly statements: ReadonlyMap<string, Statement>
  readonly transactions: ReadonlyMap<string, Transaction>
  /** Session id to request id, while the request is kept. */
  readonly sessions: ReadonlyMap<string, string>
  /** The last commits, under way or over, oldest first. */
  readonly commits: ReadonlyMap<string, Commit>
  /** By gid: what recovery has found, and what it has resolved of that. */
  readonly doubts: ReadonlyMap<string, Doubt>
}

export interface Engine extends EngineFacts {
  readonly closed: boolean
  readonly lastConnectError: { at: Time; code: string | null; message: string } | null
}

export interface Pool {
  readonly id: string
  readonly engine: string
  readonly max: number
  /** Replaced by a `reinit`, or closed: shown only while one of its connections is still held. */
  readonly retired: boolean
  /** The last waits for a connection, in milliseconds, newest last. */
  readonly waits: readonly number[]
}

export type LanePhase =
  | 'free'
  | 'connecting'
  | 'executing'
  | 'held'
  | 'idle in transaction'
  | 'failed transaction'

/** A stretch of time in which a lane did one thing for one owner. `to` is null while it lasts. */
export interface Segment {
  readonly phase: LanePhase
  readonly from: Time
  readonly to: Time | null
  readonly request: string | null
}

export interface Lane {
  readonly key: string
  readonly engine: string
  readonly pool: string
  readonly slot: number
  readonly connection: string | null
  readonly checkout: string | null
  readonly segments: readonly Segment[]
}

export interface Connection {
  readonly id: string
  readonly engine: string
  readonly pool: string
  readonly slot: number
  readonly backendPid: number | null
  readonly uses: number
  readonly connectedAt: Time
  readonly disconnected: { at: Time; reason: Discard } | null
  readonly transaction: string | null
  readonly running: readonly string[]
  readonly lastStatement: Statement | null
}

export type EngineStatus = 'initialized' | 'started' | 'ended'

export interface Request {
  readonly id: string
  readonly kind: RequestKind | 'no context'
  readonly label: string
  /** `db` if the container is `req.db`. */
  readonly attribute: string | null
  readonly engines: Readonly<Record<string, EngineStatus>>
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly outcome: RequestOutcome | null
  readonly status: number | null
  readonly unreleased: readonly string[]
  readonly sessions: readonly Session[]
  readonly checkouts: readonly Checkout[]
  readonly statements: readonly Statement[]
  readonly transactions: readonly Transaction[]
  /** How many statements were counted but not kept. */
  readonly omitted: number
}

export interface Session {
  readonly id: string
  readonly engine: string
  readonly mode: EngineFacts['mode']
  readonly state: 'idle' | 'active' | 'failed' | 'prepared' | 'lost' | 'ended'
  /** It has ended, and the release of its connection was confirmed. */
  readonly isReleased: boolean
  readonly startedAt: Time
}

export interface Checkout {
  readonly id: string
  readonly request: string
  readonly session: string | null
  readonly engine: string
  readonly pool: string
  readonly site: string | null
  /** False where the line was not captured, which the engine's `holderLines` may save. */
  readonly isLineTaken: boolean
  readonly frames: readonly string[]
  readonly askedAt: Time
  readonly state: 'waiting' | 'held' | 'released' | 'failed'
  readonly acquiredAt: Time | null
  readonly connection: string | null
  /** Kept here because the connection may be gone when the request is looked at. */
  readonly slot: number | null
  readonly backendPid: number | null
  readonly endedAt: Time | null
  readonly discarded: Discard | null
  readonly failure: { code: string | null; message: string; holders: readonly HolderFacts[] } | null
  readonly dirty: { status: 'T' | 'E'; previousSite: string | null } | null
  /** What it is held for by design: `listens on jobs`. */
  readonly keptFor: string | null
}

export interface Statement {
  readonly id: string
  readonly request: string
  readonly connection: string
  readonly engine: string
  readonly checkout: string | null
  readonly session: string | null
  readonly transaction: string | null
  readonly text: string
  readonly parameters: number
  readonly queuedMs: number
  readonly site: string | null
  readonly cursor: boolean
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly rows: number | null
  readonly command: string | null
  readonly error: { code: string | null; message: string } | null
}

export interface Transaction {
  readonly id: string
  readonly request: string
  readonly connection: string
  readonly engine: string
  readonly checkout: string | null
  readonly session: string | null
  readonly site: string | null
  readonly startedAt: Time
  readonly endedAt: Time | null
  /** Why its session ends it, and from which line; null before that, and if no session has it. */
  readonly ending: { at: Time; why: EndReason; site: string | null } | null
  /** The commit that it takes part in. */
  readonly commit: string | null
  /** The statement that failed it, and the SQLSTATE. */
  readonly failed: { at: Time; statement: string; code: string | null } | null
  readonly outcome: TransactionOutcome | null
  readonly asked: 'commit' | 'rollback' | 'prepare' | null
  readonly statements: number
  readonly savepoints: readonly { name: string; action: 'set' | 'released' | 'rolled back'; at: Time }[]
}

/** One `db.commit()`: the participants, and what was done where. */
export interface Commit {
  readonly id: string
  readonly request: string
  readonly mode: CommitMode
  /** The key of its decision row. */
  readonly key: string | null
  readonly participants: readonly {
    engine: string
    session: string
    role: ParticipantRole
    gid: string | null
  }[]
  readonly site: string | null
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly outcome: CommitOutcome | null
  readonly engines: readonly (readonly [engine: string, outcome: EngineOutcome])[]
  readonly error: { code: string | null; message: string } | null
  readonly steps: readonly Step[]
}

export interface Step {
  readonly engine: string
  readonly step: CommitStep
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly command: string | null
  readonly error: { code: string | null; message: string } | null
}

/** A prepared transaction that was left behind. */
export interface Doubt {
  readonly gid: string
  readonly engine: string
  readonly key: string
  readonly preparedAt: Time
  /** When recovery last found it, or resolved it. */
  readonly toldAt: Time
  readonly reason: string
  readonly recovered: 'committed' | 'rolled back' | null
}

/** What ran outside of any known request is kept under this id. */
export const NO_CONTEXT = '(no context)'

export const laneKey = (pool: string, slot: number): string => `${pool}/${slot}`

export const emptyState: PanelState = {
  seq: 0,
  engines: new Map(),
  pools: new Map(),
  lanes: new Map(),
  connections: new Map(),
  requests: new Map(),
  order: [],
  checkouts: new Map(),
  statements: new Map(),
  transactions: new Map(),
  sessions: new Map(),
  commits: new Map(),
  doubts: new Map(),
}
