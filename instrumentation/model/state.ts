import type { Fact, EngineFacts, Time } from './rows.ts'

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
  /** The last times in which the event loop stood still, oldest first. */
  readonly stalls: ReadonlyMap<string, Stall>
  /** The library's last warnings, oldest first. */
  readonly warnings: ReadonlyMap<string, Warning>
}

type At<F> = F & { readonly at: Time }
/** A fact with the request that it belongs to: its own, or `NO_CONTEXT`. */
type Owned<F extends { request: string | null }> = Omit<F, 'request'> & { readonly request: string }

export interface Failure {
  readonly code: string | null
  readonly message: string
}

export interface Engine extends EngineFacts {
  readonly closed: boolean
  readonly lastConnectError: At<Failure> | null
}

export interface Pool {
  readonly id: string
  readonly engine: string
  readonly max: number
  /** Replaced by a `reinit`, or closed: shown only while one of its connections is still held. */
  readonly retired: boolean
  readonly retiredAt: Time | null
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

export interface Connection extends Fact<'connected'> {
  readonly connectedAt: Time
  readonly disconnected: At<Omit<Fact<'disconnected'>, 'id'>> | null
  readonly transaction: string | null
  readonly running: readonly string[]
  /** The request of which statements beyond the limit run here. */
  readonly counting: string | null
  readonly lastStatement: Statement | null
}

export type EngineStatus = 'initialized' | 'started' | 'ended'

export interface Request
  extends Omit<Fact<'requestStart'>, 'kind' | 'engines'>, Pick<Fact<'requestEnd'>, 'status' | 'unreleased'> {
  readonly kind: Fact<'requestStart'>['kind'] | 'no context'
  readonly engines: Readonly<Record<string, EngineStatus>>
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly outcome: Fact<'requestEnd'>['outcome'] | null
  readonly sessions: readonly Session[]
  readonly checkouts: readonly Checkout[]
  readonly statements: readonly Statement[]
  readonly transactions: readonly Transaction[]
  /** How many statements were counted but not kept. */
  readonly omitted: number
  /** Their sums, by text and line. */
  readonly counted: readonly CountedStatements[]
  /** When they ran. */
  readonly stretches: readonly Stretch[]
}

/** Statements beyond the limit, by text and line. */
export type CountedStatements = Omit<Fact<'statementsCounted'>, 'id'>

/** A time in which statements beyond the limit ran, with short gaps. */
export type Stretch = Omit<Fact<'executionCounted'>, 'id'>

export interface Session extends Omit<Fact<'sessionStart'>, 'request'> {
  readonly state: Fact<'sessionState'>['state']
  /** It has ended, and the release of its connection was confirmed. */
  readonly isReleased: boolean
  readonly startedAt: Time
}

export interface Checkout extends Owned<Omit<Fact<'checkoutStart'>, 'frames'>> {
  readonly frames: readonly string[]
  readonly askedAt: Time
  readonly state: 'waiting' | 'held' | 'released' | 'failed'
  readonly acquiredAt: Time | null
  readonly connection: string | null
  /** Kept here because the connection may be gone when the request is looked at. */
  readonly slot: number | null
  readonly backendPid: number | null
  readonly endedAt: Time | null
  readonly discarded: Fact<'checkoutReleased'>['discarded']
  readonly failure: Omit<Fact<'checkoutFailed'>, 'id' | 'waitMs'> | null
  readonly dirty: Pick<Fact<'checkoutDirty'>, 'status' | 'previousSite'> | null
  /** What it is held for by design: `listens on jobs`. */
  readonly keptFor: Fact<'checkoutKept'>['keptFor']
  /** From when its length counts: a hold by design begins to count when the reason for it is gone. */
  readonly countsFrom: Time | null
  /** When the library told that it is held for too long, and in which state it was. */
  readonly overdue: At<Omit<Fact<'checkoutOverdue'>, 'id'>> | null
  /** The statement of another hold that still ran on the connection when this one got it. */
  readonly foundRunning: Pick<Statement, 'id' | 'checkout' | 'request' | 'site'> | null
}

export interface Statement
  extends Owned<Fact<'statementStart'>>, Pick<Fact<'statementEnd'>, 'rows' | 'command'> {
  readonly engine: string
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly error: Failure | null
}

export interface Transaction
  extends Owned<Fact<'transactionStart'>>, Pick<Fact<'transactionEnd'>, 'asked' | 'statements'> {
  readonly engine: string
  readonly startedAt: Time
  readonly endedAt: Time | null
  /** Why its session ends it, and from which line; null before that, and if no session has it. */
  readonly ending: At<Omit<Fact<'sessionEnding'>, 'id'>> | null
  /** The commit that it takes part in. */
  readonly commit: string | null
  /** The statement that failed it, and the SQLSTATE. */
  readonly failed: At<Omit<Fact<'transactionFailed'>, 'id'>> | null
  readonly outcome: Fact<'transactionEnd'>['outcome'] | null
  readonly savepoints: readonly At<Omit<Fact<'savepoint'>, 'id'>>[]
}

/** One `db.commit()`: the participants, and what was done where. */
export interface Commit extends Fact<'commitStart'>, Pick<Fact<'commitEnd'>, 'engines'> {
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly outcome: Fact<'commitEnd'>['outcome'] | null
  readonly error: Failure | null
  readonly steps: readonly Step[]
}

export interface Step extends Omit<Fact<'stepStart'>, 'id'>, Pick<Fact<'stepEnd'>, 'command'> {
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly error: Failure | null
}

/** A prepared transaction that was left behind. */
export interface Doubt extends Omit<Fact<'inDoubt'>, 'ageMs'> {
  readonly preparedAt: Time
  /** When recovery last found it, or resolved it. */
  readonly toldAt: Time
  readonly recovered: Fact<'recovered'>['outcome'] | null
}

/** A time in which no code of the application ran and no answer was read, as the library's heartbeat saw it. */
export interface Stall extends Fact<'stalled'> {
  readonly endedAt: Time
}

/** An `EnginelightWarning` of this process. */
export type Warning = At<Fact<'warned'>>

/** What ran outside of any known request is kept under this id. */
export const NO_CONTEXT = '(outside of any request)'

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
  stalls: new Map(),
  warnings: new Map(),
}
