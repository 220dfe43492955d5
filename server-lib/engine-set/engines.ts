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
  /** The order in which `db.any` looks. Default: as declared, without independent engines. */
  prefer?: readonly Name[]
  /**
   * Refuses a commit over several engines that have written where it cannot be two-phase (EL_TWO_PHASE_UNAVAILABLE).
   * Default false: they are committed one after the other then, and a failure in between is EL_PARTIAL_COMMIT.
   */
  requireTwoPhase?: boolean
  /**
   * A name for this set of engines in the process, for a module that is evaluated again (Next, Vite, Nitro): the set that
   * is made next with the same name takes over. It goes on with the pools whose options are unchanged, and those that the
   * application made; the others are closed when those who use them are done, 5 seconds later at most. The set before it
   * stays usable, and runs on the new engines. Default: none, and sets know nothing of each other.
   */
  hot?: string
}

export interface OpenOptions {
  /** What the work belongs to, found again as `db.info.request`. */
  request?: unknown
  /** Ends the container at once: running statements are cancelled, uncommitted work is rolled back. */
  signal?: AbortSignal
  /** How the work is called in the panel, in errors and spans. Default `open` and `scope`. */
  label?: string
}

/** One engine as the application sees it outside of any session. */
export interface EngineHandle {
  readonly name: string
  /** A knex on this engine's pool, outside of any session. Of a pg.Pool it runs on that pool. */
  readonly knex: Knex
  readonly description: EngineDescription
}

/** The engines of an application. One per process and database; make it once, at start. */
export interface Engines<D extends Definitions> {
  readonly names: readonly (keyof D & string)[]
  /** An engine by name; without a name the default one. */
  get(name?: keyof D & string): EngineHandle
  /** The container of the request or scope that this code runs in. Throws EL_NO_SCOPE outside of any. */
  readonly current: Db<D>
  /** A container that you end yourself: `await using db = engines.open()`. */
  open(options?: OpenOptions): Db<D>
  /** Runs a function with a container of its own, as `engines.current` and as its argument, and ends it after. */
  scope<T>(fn: (db: Db<D>) => Promise<T> | T, options?: OpenOptions): Promise<T>
  /**
   * Runs a function as one unit of work, with its container as `engines.current` and as its argument: committed on every engine when it
   * resolves, rolled back when it throws, run again where `retry` says so. Resolves to what the function resolved to.
   * Inside of a container (a request, a scope, another run) it takes part in that, which commits it; see `propagation`.
   * Rejects with the function's own error, or as `db.commit()` does, or with EL_RUN_ABORTED, EL_ILLEGAL_MOVE, EL_CONFIG.
   */
  run<T>(fn: (db: Db<D>) => Promise<T> | T, options?: RunOptions): Promise<T>
  /** Opens each pool's minimum of connections, at least one: a wrong password shows now and not at the first request. */
  warmup(): Promise<void>
  /**
   * Replaces the pool of one engine, or of all, without a moment in which there is none; resolves when the old
   * one is drained. Throws EL_NOT_OWNED for a pool that the application made itself.
   */
  reinit(name: (keyof D & string) | '!all'): Promise<void>
  /**
   * Creates the two tables that two-phase commits need, where they are missing, on each engine that can take part in one,
   * and says of each what its server allows. Safe at each start, and from many processes at once. Rejects never: an
   * engine that could not be reached says so in its report.
   */
  install(): Promise<InstallReport[]>
  /**
   * Ends prepared transactions of this application that a crash has left, as their decision says: a first pass at once,
   * then one every `everyMs`, until `stop()` or `close()`. Any number of processes may do so.
   */
  recovery(options?: RecoveryOptions): Recovery
  /**
   * Ends what is running and closes the pools that we made, within `graceMs` (default 5,000, at least 250), whatever
   * hangs. Containers and others may end by themselves for four fifths of it (all but the last second, where that is
   * more); then statements are cancelled, transactions rolled back, and what has not answered at the end is cut. A
   * pool that we were given is only not watched any more. Called again with less time it hurries.
   */
  close(options?: { graceMs?: number }): Promise<CloseReport>
}
