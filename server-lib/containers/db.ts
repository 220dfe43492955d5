import { EnginelightError } from '../channels/errors.ts'
import type { EngineConfig, EngineDefinition, TablesShape } from '../engines/engine-config.ts'
import type { AfterCommit, AfterRollback, BeforeCommit, Hooks } from '../sessions/hooks.ts'
import type { CommitReport } from '../channels/outcomes.ts'
import { INSPECT, shown, type InspectArguments } from '../identity/inspected.ts'
import type { ContainerInfo } from '../requests/container-info.ts'
import type { ContainerCore } from './container.ts'
import type { EngineStatus } from './started-sessions.ts'
import { refusingNearMisses } from './near-miss.ts'
import { lineOfEnd, noFunction } from '../sessions/session-function.ts'
import type { Session } from '../sessions/session-types.ts'
import { unitFor } from '../sessions/units/inside.ts'
import type { Unit } from '../sessions/units/unit.ts'

export type Definitions = Record<string, EngineDefinition<TablesShape, EngineConfig>>

type AccessOf<Config> = Config extends { access: 'read' } ? 'read' : 'write'

export type SessionFor<Definition> =
  Definition extends EngineDefinition<infer Tables, infer Config> ? Session<Tables, AccessOf<Config>> : never

/** The type of `req.db`: a session for each engine under its name, and members that concern all engines. */
export type Db<D extends Definitions> = {
  readonly [Name in keyof D & string]: SessionFor<D[Name]>
} & DbMembers<D>

export interface DbMembers<D extends Definitions> {
  /** Returns a function that returns the session when called: for objects that may never need it. */
  lazy<Name extends keyof D & string>(name: Name): () => SessionFor<D[Name]>
  /**
   * The session of an engine chosen at each access: the engine last written in this request (so that a read sees the
   * write), else one already in use, else the first healthy one, in the order of `prefer`. Never an independent engine.
   */
  readonly any: SessionFor<D[keyof D & string]>
  /** Each engine's status in this request. */
  readonly status: { readonly [Name in keyof D & string]: EngineStatus }
  readonly info: ContainerInfo
  /**
   * Commits every open transaction of the container's engines, all or nothing, and reports the outcome of each. The
   * container stays usable. One engine that has written gets a plain COMMIT. Several get a two-phase commit where the
   * servers allow it, else one COMMIT after the other. Independent engines take no part.
   *
   * When the commit fails, every engine that takes part is rolled back, except as EL_PARTIAL_COMMIT and
   * EL_COMMIT_UNKNOWN say; `error.report` has the outcome of each engine, and only `rollback()` is possible then. A
   * commit refused at once (EL_DOOMED, EL_ILLEGAL_MOVE) leaves transactions open.
   *
   * Throws EL_COMMIT_FAILED, EL_COMMIT_ROLLED_BACK, EL_CONNECTION_LOST, EL_COMMIT_UNKNOWN, EL_PARTIAL_COMMIT,
   * EL_TWO_PHASE_UNAVAILABLE, EL_HOOK_TIMEOUT, EL_DOOMED, EL_ILLEGAL_MOVE, EL_ENDED, or what a hook of beforeCommit
   * threw.
   */
  commit(): Promise<CommitReport>
  /** Rolls back every session and releases their connections. The container stays usable, doomed or not. */
  rollback(): Promise<void>
  /**
   * Runs a function inside a savepoint on every engine that it touches: kept on all when it resolves, undone on all
   * when it throws. An engine's savepoint is set before the function's first statement there, so earlier work of others
   * stays. Savepoints may be nested; those side by side take turns. Autocommit, independent and borrowed engines take
   * no part.
   *
   * Statements from the function's async context belong to the savepoint; so do those sent, in any context, through the
   * container that the function is given. Other statements wait for its end; they fail with EL_SAVEPOINT_WAITED once
   * nothing in it has run for `checkoutTimeoutMs`. After it was undone, statements from its context fail with EL_ENDED.
   * `commit()` is refused until the savepoint is over.
   */
  savepoint<T>(fn: (db: Db<D>) => Promise<T> | T): Promise<T>
  /** Forbids the commit of this unit of work: `commit()` throws EL_DOOMED until `rollback()`. Statements still run. */
  doom(reason?: unknown): void
  readonly isDoomed: boolean
  /**
   * Called before the next commit; an error turns that commit into a rollback. The hook may use the database and add
   * hooks. All hooks together have `commitTimeoutMs` (EL_HOOK_TIMEOUT).
   */
  beforeCommit(hook: BeforeCommit): void
  /**
   * Called once, with the report, after the next commit of the container, when all engines are committed. An error, or
   * taking longer than `commitTimeoutMs`, is only a warning (EL_HOOK_FAILED). What the hook writes needs a commit of
   * its own.
   */
  afterCommit(hook: AfterCommit): void
  /** Called once after the next rollback: by request, after a failed commit, or at the container's end without a commit. */
  afterRollback(hook: AfterRollback): void
  /**
   * Marks that the open transaction of this engine has written, although no statement shows it. Hardly ever needed: the
   * server is asked.
   */
  markChanged(name: keyof D & string): void
  /** Rolls back what is uncommitted and ends all sessions. Idempotent; every later use throws EL_ENDED. */
  end(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Names that an engine cannot have, because a container uses them or will use them. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  '!all',
  '!default',
  'any',
  'lazy',
  'status',
  'info',
  'end',
  'commit',
  'rollback',
  'savepoint',
  'doom',
  'isDoomed',
  'beforeCommit',
  'afterCommit',
  'afterRollback',
  'markChanged',
  'then',
  'constructor',
  'toJSON',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__proto__',
])

/** The property that holds the container behind its public face. */
const CORE = Symbol('core of a container')

/** The container behind its public face; undefined for anything else. */
export function containerCoreOf(db: unknown): ContainerCore | undefined {
  return typeof db === 'object' && db !== null ? (db as { [CORE]?: ContainerCore })[CORE] : undefined
}

/**
 * Makes the class of containers for a set of engines. Each engine is a getter on its prototype, so a container costs
 * one object.
 */
export function defineDb(names: readonly string[]): (core: ContainerCore) => object {
  class Container {
    readonly #core: ContainerCore
    /** The unit that this container is the handle of. */
    readonly #unit: Unit | undefined

    constructor(core: ContainerCore, unit?: Unit) {
      this.#core = core
      this.#unit = unit
    }
    static session(db: object, name: string): Session {
      if (!(#core in db)) throw new EnginelightError('EL_CONFIG', 'This is no container of Enginelight.')
      return db.#unit ? db.#core.sessionIn(db.#unit, name) : db.#core.session(name)
    }
    get #hooks(): Hooks {
      return this.#core.hooksIn(unitFor(this.#unit))
    }
    get [CORE](): ContainerCore {
      return this.#core
    }
    lazy(name: string): () => Session {
      return () => Container.session(this, name)
    }
    get any(): Session {
      return Container.session(this, this.#core.sessions.anyName())
    }
    get status(): Record<string, EngineStatus> {
      return this.#core.sessions.status()
    }
    get info(): ContainerInfo {
      return this.#core.info
    }
    commit(): Promise<CommitReport> {
      return this.#core.commit(lineOfEnd())
    }
    rollback(): Promise<void> {
      return this.#core.rollback('rollback', lineOfEnd())
    }
    savepoint<T>(fn: (db: object) => Promise<T> | T): Promise<T> {
      if (typeof fn !== 'function') return Promise.reject(noFunction(fn))
      return this.#core.savepoint(unit => fn(new Container(this.#core, unit)), this.#unit)
    }
    doom(reason?: unknown): void {
      this.#core.doom(reason)
    }
    get isDoomed(): boolean {
      return this.#core.isDoomed
    }
    beforeCommit(hook: BeforeCommit): void {
      this.#hooks.beforeCommit(hook)
    }
    afterCommit(hook: AfterCommit): void {
      this.#hooks.afterCommit(hook)
    }
    afterRollback(hook: AfterRollback): void {
      this.#hooks.afterRollback(hook)
    }
    markChanged(name: string): void {
      this.#core.markChanged(name)
    }
    async end(): Promise<void> {
      const core = this.#core
      await core.end()
      if (core.scope.kind === 'unscoped') core.scope.end('finished')
    }
    [Symbol.asyncDispose](): Promise<void> {
      return this.end()
    }
    [INSPECT](...[, options, inspect]: InspectArguments): unknown {
      return shown('Db', this.toJSON(), options, inspect)
    }
    toJSON(): object {
      return this.#core.shown()
    }
  }
  for (const name of names) {
    Object.defineProperty(Container.prototype, name, {
      enumerable: true,
      get(this: object) {
        return Container.session(this, name)
      },
    })
  }
  Object.setPrototypeOf(Container.prototype, refusingNearMisses(names))
  return core => new Container(core)
}
