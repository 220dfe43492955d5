import type { Site } from '../identity/site.ts'
import type { EngineDescription } from './engine-description.ts'
import type { CheckoutHolder, ErrorFacts } from './errors.ts'
import type {
  Discard,
  EndReason,
  RequestKind,
  RequestOutcome,
  SessionState,
  TransactionOutcome,
} from './words.ts'

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
      reason: Discard
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
      discarded: Discard | null
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
