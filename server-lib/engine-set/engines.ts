import type { Knex } from 'knex'
import type { InstallReport } from '../commit/install.ts'
import type { Recovery, RecoveryOptions } from '../commit/recovery/recovery.ts'
import type { RunOptions } from '../run/run-options.ts'
import type { Db, Definitions } from '../containers/db.ts'
import type { CloseReport } from '../containers/close-report.ts'
import type { EngineDescription } from '../channels/engine-description.ts'

export interface EnginesOptions<Name extends string> {
  /** The application's name, in the panel and in reports. Default: none. */
  application?: string
  /** The order in which `db.any` chooses. Default: as declared, without independent engines. */
  prefer?: readonly Name[]
  /**
   * Refuses a commit over several engines that have written, if it cannot be two-phase (EL_TWO_PHASE_UNAVAILABLE).
   * Default false: the engines are then committed one after the other, and a failure in between is EL_PARTIAL_COMMIT.
   */
  requireTwoPhase?: boolean
  /**
   * A name for this set of engines in the process, for a module that is evaluated again (Next, Vite, Nitro). The next
   * set made with the same name takes over: it keeps the pools with unchanged options and those that the application
   * made. Other pools are closed when they are no longer used, at most 5 seconds later. The previous set stays usable,
   * and runs on the new engines. Default: none, and sets are independent of each other.
   */
  hot?: string
}

export interface OpenOptions {
  /** The object that the work belongs to, available as `db.info.request`. */
  request?: unknown
  /** Ends the container as soon as it aborts: running statements are cancelled, uncommitted work is rolled back. */
  signal?: AbortSignal
  /** The name of the work in the panel, errors and spans. Default `open` and `scope`. */
  label?: string
}

/** One engine as the application sees it outside any session. */
export interface EngineHandle {
  readonly name: string
  /** A knex on this engine's pool, outside any session; also where that is a pg.Pool. */
  readonly knex: Knex
  readonly description: EngineDescription
}

/** The engines of an application, one for each database. Create it once per process, at start. */
export interface Engines<D extends Definitions> {
  readonly names: readonly (keyof D & string)[]
  /** An engine by name; without a name, the default engine. */
  get(name?: keyof D & string): EngineHandle
  /** The container of the request or scope that the calling code runs in. Throws EL_NO_SCOPE outside any. */
  readonly current: Db<D>
  /** Opens a container that the caller must end: `await using db = engines.open()`. */
  open(options?: OpenOptions): Db<D>
  /** Runs a function with a container of its own, as `engines.current` and as its argument, and ends the container afterwards. */
  scope<T>(fn: (db: Db<D>) => Promise<T> | T, options?: OpenOptions): Promise<T>
  /**
   * Runs a function as one unit of work, with its container as `engines.current` and as its argument. Commits every
   * engine when the function resolves, rolls back when it throws, and runs it again as `retry` says. Resolves to the
   * function's result. Inside a container (a request, a scope, another run) it joins that, which commits; see
   * `propagation`. Rejects with the function's own error, as `db.commit()` does, or with EL_RUN_ABORTED,
   * EL_ILLEGAL_MOVE, EL_CONFIG.
   */
  run<T>(fn: (db: Db<D>) => Promise<T> | T, options?: RunOptions): Promise<T>
  /** Opens each pool's minimum of connections, at least one: a wrong password shows now and not at the first request. */
  warmup(): Promise<void>
  /**
   * Replaces the pool of one engine, or of all; check-outs go on meanwhile. Resolves when the old pool is drained.
   * Throws EL_NOT_OWNED for a pool that the application made.
   */
  reinit(name: (keyof D & string) | '!all'): Promise<void>
  /**
   * Creates the two tables that two-phase commits need, where they are missing, on each engine that can take part in
   * one. Reports what each server allows. Safe at each start, and from many processes at once. Never rejects: the
   * report of an engine that could not be reached says so.
   */
  install(): Promise<InstallReport[]>
  /**
   * Ends prepared transactions of this application that a crash has left, as their decision says: a first pass at once,
   * then one every `everyMs`, until `stop()` or `close()`. Any number of processes may do so.
   */
  recovery(options?: RecoveryOptions): Recovery
  /**
   * Ends running work and closes the pools that we made, within `graceMs` (default 5,000, at least 250), whatever
   * hangs. Work may end by itself for four fifths of that time (all but the last second, if that is longer). Then
   * statements are cancelled and transactions rolled back; what has not answered at the end is cut. A pool of the
   * application is only no longer watched. A further call with less time shortens the grace.
   */
  close(options?: { graceMs?: number }): Promise<CloseReport>
  /** Closes the engines, for `await using engines = createEngines(…)`: the same as `close()`, without its report. */
  [Symbol.asyncDispose](): Promise<void>
}
