import diagnosticsChannel, { type Channel as NodeChannel } from 'node:diagnostics_channel'
import { developerLooks } from './identity/development.ts'
import type { Site } from './identity/site.ts'
import { wantSites } from './identity/wanted-sites.ts'
import { warn, type CheckoutHolder, type ErrorFacts } from './errors.ts'
import { failureText } from './failure-text.ts'
import type { EngineDescription } from './engines/engine-description.ts'
import type { CommitMode, CommitStep, EngineOutcome, EndReason, ParticipantRole } from './commit/report.ts'
import type { SessionState } from './sessions/session-state.ts'

/**
 * Everything that Enginelight says about what happens, in one list: the channel's name and the messages
 * on it. `channels.md` documents each of them; a test holds the two together.
 *
 * A message is a plain record of ids, times and counts. It holds no live object, no parameter value and no
 * credential. `at` is `performance.now()` in milliseconds. A `start` is published synchronously in the async
 * context of the caller, so an observer may read `AsyncLocalStorage` (OpenTelemetry's active span) in it; but that of a
 * transaction, which an answer shows.
 */
export interface ChannelMessages {
  'enginelight:engine': EngineMessage
  'enginelight:pool': PoolMessage
  'enginelight:request': RequestMessage
  'enginelight:session': SessionMessage
  'enginelight:checkout': CheckoutMessage
  'enginelight:transaction': TransactionMessage
  'enginelight:statement': StatementMessage
  'enginelight:commit': CommitMessage
  'enginelight:process': ProcessMessage
}

export type ChannelName = keyof ChannelMessages

/** The life of an engine in this process: declared by `createEngines`, given a new pool by `reinit`, closed. */
export type EngineMessage =
  | { phase: 'declared' | 'reinitialized'; at: number; engine: string; description: EngineDescription }
  | { phase: 'closing' | 'closed'; at: number; engine: string; pool: string }

/** The process itself, where it is the reason for what looks like a slow database. */
export type ProcessMessage = {
  phase: 'stalled'
  at: number
  /** For how long the event loop served nobody. Told from 100 ms on, by a heartbeat four times a second. */
  stalledMs: number
}

/** The physical connections of a pool: when one is opened, could not be opened, or is gone. */
export type PoolMessage =
  | {
      phase: 'connected'
      at: number
      engine: string
      pool: string
      connection: string
      slot: number
      backendPid: number | null
    }
  | { phase: 'connect failed'; at: number; engine: string; pool: string; error: ErrorFacts }
  | {
      phase: 'disconnected'
      at: number
      engine: string
      pool: string
      connection: string
      slot: number
      /** Why it is gone: the pool closed it, we discarded it, or the server or the network took it. */
      reason: string
      uses: number
    }

/** One unit of work: an HTTP request behind `sessions(…)`, an `engines.scope`, an attempt of `engines.run` with a container of its own, or an `engines.open`. */
export type RequestMessage =
  | {
      phase: 'start'
      at: number
      id: string
      kind: RequestKind
      /** `POST /orders` for HTTP (never the query string), the given name otherwise. */
      label: string
      /** Where the container hangs on the request (`db` for `req.db`), or null outside of HTTP. */
      attribute: string | null
      /** The engines that this request knows, all `initialized` as of now. */
      engines: readonly string[]
    }
  | {
      phase: 'end'
      at: number
      id: string
      outcome: RequestOutcome
      /** The HTTP status that was sent, or null. */
      status: number | null
      /** Engines that were used and are not confirmed released: a leak. Empty when all is well. */
      unreleased: readonly string[]
    }

export type RequestKind = 'http' | 'scope' | 'unscoped'
export type RequestOutcome = 'finished' | 'aborted' | 'failed'

/** A session of one request on one engine, from the first access of `db.<engine>` to the container's end. */
export type SessionMessage =
  | {
      phase: 'start'
      at: number
      id: string
      engine: string
      request: string
      mode: 'transaction' | 'autocommit' | 'borrowed'
    }
  | { phase: 'state'; at: number; id: string; engine: string; request: string; state: SessionState }
  | {
      /** Its open transaction is about to be ended, by whom and from which line. */
      phase: 'ending'
      at: number
      id: string
      engine: string
      request: string
      why: EndReason
      site: Site | null
    }
  | {
      phase: 'end'
      at: number
      id: string
      engine: string
      request: string
      /** False when the connection could not be confirmed released: the engine then stays `started`. */
      released: boolean
      statements: number
    }

/** One hold of a connection: asked for, acquired or failed, released. By a session, or by anybody on a watched pool. */
export type CheckoutMessage =
  | {
      phase: 'start'
      at: number
      id: string
      engine: string
      pool: string
      request: string | null
      session: string | null
      /** Null as well while no observer has asked for sites; so is that of each other message. */
      site: Site | null
    }
  | {
      phase: 'acquired'
      at: number
      id: string
      engine: string
      pool: string
      waitMs: number
      connection: string
      slot: number
      backendPid: number | null
    }
  | {
      phase: 'failed'
      at: number
      id: string
      engine: string
      pool: string
      waitMs: number
      error: ErrorFacts
      /** Who held the pool's connections at that instant. */
      holders: readonly CheckoutHolder[]
    }
  | {
      phase: 'dirty'
      at: number
      id: string
      engine: string
      pool: string
      connection: string
      /** `T` in a transaction, `E` in a failed one: what the previous holder left open. */
      status: 'T' | 'E'
      /** The check-out that left it so, or null when it was not seen. */
      previous: string | null
      previousSite: Site | null
    }
  | {
      /** Held, or idle in a transaction, for longer than the engine's thresholds; told once for each hold. */
      phase: 'overdue'
      at: number
      id: string
      engine: string
      pool: string
      slot: number
      connection: string
      backendPid: number | null
      request: string | null
      requestLabel: string | null
      session: string | null
      heldMs: number
      site: string | null
      state: CheckoutHolder['state']
      stateMs: number
      keptFor: string | null
      /** For how long the event loop stood still meanwhile; it is part of `heldMs`. */
      stalledMs: number
    }
  | {
      /** Its holder now listens, or holds an advisory lock or a cursor WITH HOLD, so a long hold is no leak; null where that is over. */
      phase: 'kept'
      at: number
      id: string
      engine: string
      pool: string
      keptFor: string | null
    }
  | {
      phase: 'released'
      at: number
      id: string
      engine: string
      pool: string
      connection: string
      heldMs: number
      /** Why the connection was closed instead of returned, or null when it went back to the pool. */
      discarded: string | null
      /** It had been told to be held for long, so it was no leak after all. */
      wasOverdue: boolean
    }

/** A transaction as the server has it: from the status byte `T` to `I` again, whoever sent the BEGIN. */
export type TransactionMessage =
  | {
      phase: 'start'
      at: number
      id: string
      engine: string
      pool: string
      connection: string
      backendPid: number | null
      checkout: string | null
      session: string | null
      request: string | null
      site: Site | null
    }
  | { phase: 'savepoint'; at: number; id: string; name: string; action: 'set' | 'released' | 'rolled back' }
  | { phase: 'failed'; at: number; id: string; statement: string; error: ErrorFacts }
  | {
      phase: 'end'
      at: number
      id: string
      durationMs: number
      /** What the server answered, not what was asked. */
      outcome: TransactionOutcome
      /** What was asked. `commit` with outcome `rolled back` is the commit that lied. */
      asked: 'commit' | 'rollback' | 'prepare' | null
      statements: number
    }

export type TransactionOutcome = 'committed' | 'rolled back' | 'prepared' | 'lost'

/** One statement on one connection, control statements (BEGIN, COMMIT, SAVEPOINT) and streams included. */
export type StatementMessage =
  | {
      phase: 'start'
      at: number
      id: string
      engine: string
      pool: string
      connection: string
      slot: number
      backendPid: number | null
      checkout: string | null
      session: string | null
      request: string | null
      transaction: string | null
      /** As sent, by reference. It can hold literals: show it through `statementText` of the instrumentation. */
      text: string
      /** How many parameters travel with it; their values are in no message. */
      parameters: number
      kind: 'query' | 'cursor'
      /** How long it stood in its session's queue behind other statements of the session. */
      queuedMs: number
      site: Site | null
    }
  | {
      phase: 'end'
      at: number
      id: string
      engine: string
      durationMs: number
      rows: number | null
      /** The command tag (`SELECT`, `COMMIT`), or null when there was none. */
      command: string | null
      error: ErrorFacts | null
    }

/** One `db.commit()` over all engines of a container, its steps on each engine, and what recovery did about those that were left. */
export type CommitMessage =
  | {
      phase: 'start'
      at: number
      id: string
      request: string
      mode: CommitMode
      /** The key of the decision row and of each gid; null where no two-phase commit is made. */
      transaction: string | null
      participants: readonly CommitParticipant[]
      site: Site | null
    }
  | { phase: 'step started'; at: number; id: string; engine: string; step: CommitStep }
  | {
      phase: 'step ended'
      at: number
      id: string
      engine: string
      step: CommitStep
      durationMs: number
      /** The command tag that the server answered with, or null where there was none. */
      command: string | null
      error: ErrorFacts | null
    }
  | {
      phase: 'end'
      at: number
      id: string
      /** `partial` where some engines are committed and others are not, or nobody can tell. */
      outcome: CommitOutcome
      engines: Readonly<Record<string, EngineOutcome>>
      durationMs: number
      error: ErrorFacts | null
    }
  | {
      /** A prepared transaction of this application that nobody has ended yet, met by recovery. */
      phase: 'in doubt'
      at: number
      engine: string
      gid: string
      transaction: string
      ageMs: number
      /** Why it is left alone for now. */
      reason: string
    }
  | {
      /** Recovery has ended a prepared transaction. */
      phase: 'recovered'
      at: number
      engine: string
      gid: string
      transaction: string
      ageMs: number
      outcome: 'committed' | 'rolled back'
    }

export interface CommitParticipant {
  readonly engine: string
  readonly session: string
  readonly role: ParticipantRole
  /** Under which name it is prepared; null where it is not. */
  readonly gid: string | null
}

export type CommitOutcome = 'committed' | 'rolled back' | 'partial' | 'unknown'

export type Observer<M> = (message: M) => void

/** A channel with its message type. Ask `hasSubscribers` before building a message: that is all it costs unheard. */
export class Channel<M> {
  readonly name: string
  readonly #node: NodeChannel & { _subscribers?: readonly unknown[] }

  constructor(name: string) {
    this.name = name
    this.#node = diagnosticsChannel.channel(name)
  }

  get hasSubscribers(): boolean {
    return this.#node.hasSubscribers
  }

  /**
   * Hands the message to each observer in turn. Node's own `publish` turns an observer's exception into an
   * uncaughtException, which ends the process of the application that is merely being watched; so where
   * Node keeps its list of subscribers in `_subscribers` (20 to 26 do) we call them ourselves and report what
   * they throw as a process warning.
   */
  publish(message: M): void {
    const subscribers = this.#node._subscribers
    if (!Array.isArray(subscribers)) return this.#node.publish(message)
    // A copy-on-write array in Node: an observer that leaves while we iterate does not disturb us.
    for (const subscriber of subscribers as Observer<M>[]) {
      try {
        ;(subscriber as (message: M, name: string) => void)(message, this.name)
      } catch (error) {
        reportObserverFailure(this.name, error)
      }
    }
  }
}

/** The channels themselves, for publishers. */
export const channels = {
  engine: new Channel<EngineMessage>('enginelight:engine'),
  pool: new Channel<PoolMessage>('enginelight:pool'),
  request: new Channel<RequestMessage>('enginelight:request'),
  session: new Channel<SessionMessage>('enginelight:session'),
  checkout: new Channel<CheckoutMessage>('enginelight:checkout'),
  transaction: new Channel<TransactionMessage>('enginelight:transaction'),
  statement: new Channel<StatementMessage>('enginelight:statement'),
  commit: new Channel<CommitMessage>('enginelight:commit'),
  process: new Channel<ProcessMessage>('enginelight:process'),
} satisfies {
  [K in ChannelName as K extends `enginelight:${infer N}` ? N : never]: Channel<ChannelMessages[K]>
}

export interface ObserveOptions {
  /** Whether this observer reads the `site` of messages, of whatever channel. Each line costs more than the rest of its messages. Default false. */
  readonly sites?: boolean
  /**
   * Whether a developer looks on: responses then say in the header `x-enginelight-uncommitted` what is uncommitted as they are
   * sent, as with `NODE_ENV=development`. Default false.
   */
  readonly development?: boolean
}

/**
 * Listens to one channel until the returned function is called. The observer runs synchronously inside the
 * application: keep it short. What it throws is reported as a process warning and goes no further.
 */
export function observe<N extends ChannelName>(
  name: N,
  observer: Observer<ChannelMessages[N]>,
  { sites = false, development = false }: ObserveOptions = {},
): () => void {
  const listener = (message: unknown) => observer(message as ChannelMessages[N])
  const wantNoSites = sites ? wantSites() : undefined
  const looksAway = development ? developerLooks() : undefined
  diagnosticsChannel.subscribe(name, listener)
  return () => {
    diagnosticsChannel.unsubscribe(name, listener)
    wantNoSites?.()
    looksAway?.()
  }
}

const failuresByChannel = new Map<string, number>()

function reportObserverFailure(channel: string, error: unknown): void {
  const count = (failuresByChannel.get(channel) ?? 0) + 1
  failuresByChannel.set(channel, count)
  // The first, the tenth, the hundredth …: an observer that fails on each message must not flood the log.
  if (Number.isInteger(Math.log10(count))) {
    warn('EL_OBSERVER_THREW', `An observer of ${channel} threw (${count} so far): ${failureText(error)}`)
  }
}

export {
  engineReports,
  observedEngines,
  type Reporting,
  type EngineReport,
  type ConnectionReport,
  type WaiterReport,
} from './engines/engine-reports.ts'
export type { EngineDescription } from './engines/engine-description.ts'
export type { CheckoutHolder, ErrorFacts } from './errors.ts'
export type { Site } from './identity/site.ts'
export type { CommitMode } from './commit/report.ts'
export type { SessionState } from './sessions/session-state.ts'
