import type { Site } from '../identity/site.ts'
import type { EngineDescription } from './engine-description.ts'
import type { CheckoutHolder, ErrorFacts } from './errors.ts'
import type {
  Discard,
  EndingAsked,
  EndReason,
  EngineMode,
  HolderState,
  LeftOpen,
  RequestKind,
  RequestOutcome,
  SavepointAction,
  SessionState,
  TransactionOutcome,
} from './words.ts'

/** The life of an engine in this process: declared by `createEngines`, given a new pool by `reinit`, closed. */
export type EngineMessage =
  | { phase: 'declared' | 'reinitialized'; at: number; engine: string; description: EngineDescription }
  | { phase: 'closing' | 'closed'; at: number; engine: string; pool: string }

/** The process itself, when it is the reason for what looks like a slow database. */
export type ProcessMessage = {
  phase: 'stalled'
  at: number
  /** How long the event loop was blocked. Reported from 100 ms on, by a heartbeat four times a second. */
  stalledMs: number
}

/** The physical connections of a pool: opened, failed to open, or gone. */
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

/**
 * One unit of work: an HTTP request behind `sessions(…)`, an `engines.scope`, an attempt of `engines.run` with a
 * container of its own, or an `engines.open`.
 */
export type RequestMessage =
  | {
      phase: 'start'
      at: number
      id: string
      kind: RequestKind
      /** `POST /orders` for HTTP (never the query string), the given name otherwise. */
      label: string
      /** The request's property that holds the container (`db` for `req.db`), or null outside HTTP. */
      attribute: string | null
      /** The engines that this request can use, all `initialized` at this moment. */
      engines: readonly string[]
    }
  | {
      phase: 'end'
      at: number
      id: string
      outcome: RequestOutcome
      /** The HTTP status that was sent, or null. */
      status: number | null
      /** Engines that were used and are not confirmed released: a leak. Normally empty. */
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
      mode: EngineMode
    }
  | { phase: 'state'; at: number; id: string; engine: string; request: string; state: SessionState }
  | {
      /** Its open transaction is about to be ended: why, and from which line. */
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

/** One hold of a connection: asked for, acquired or failed, released. By a session, or by any other code on a watched pool. */
export type CheckoutMessage =
  | {
      phase: 'start'
      at: number
      id: string
      engine: string
      pool: string
      request: string | null
      session: string | null
      /** Null also while no observer has asked for sites; the same goes for every `site`. */
      site: Site | null
      /** False where the line was not captured, which `holderLines` may save. */
      isLineTaken: boolean
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
      /** The holders of the pool's connections at that instant. */
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
      status: LeftOpen
      /** The check-out that left it so, or null when that is unknown. */
      previous: string | null
      previousSite: Site | null
    }
  | {
      /** Held, or idle in a transaction, longer than the engine's thresholds; reported once for each hold. */
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
      isLineTaken: boolean
      state: HolderState
      stateMs: number
      keptFor: string | null
      /** How long the event loop was blocked meanwhile; part of `heldMs`. */
      stalledMs: number
    }
  | {
      /**
       * The holder now listens, or holds an advisory lock or a cursor WITH HOLD, so a long hold is no leak. Null when
       * that is over.
       */
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
      /** Why the connection was discarded, or null when it went back to the pool. */
      discarded: Discard | null
      /** An `overdue` message had been sent, but the connection was released after all. */
      wasOverdue: boolean
    }

/** A transaction as the server sees it: from status byte `T` to `I` again, no matter what sent the BEGIN. */
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
  | { phase: 'savepoint'; at: number; id: string; name: string; action: SavepointAction }
  | { phase: 'failed'; at: number; id: string; statement: string; error: ErrorFacts }
  | {
      phase: 'end'
      at: number
      id: string
      durationMs: number
      /** What the server answered, not what was asked. */
      outcome: TransactionOutcome
      /** What was asked. `commit` with outcome `rolled back`: the server answered COMMIT with ROLLBACK. */
      asked: EndingAsked | null
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
      /** The text as sent, by reference. It can hold literals: show it through `statementText` of the instrumentation. */
      text: string
      /** The number of parameters; their values are in no message. */
      parameters: number
      kind: 'query' | 'cursor'
      /** How long it waited in its session's queue behind other statements. */
      queuedMs: number
      site: Site | null
      /**
       * Equal for equal values of the parameters, while this process lives; it says nothing else of them. Null where they
       * cannot be compared, and while no observer has asked for it.
       */
      valuesHash: number | null
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
