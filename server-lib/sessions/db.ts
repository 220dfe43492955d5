import { EnginelightError } from '../errors.ts'
import type { EngineConfig, EngineDefinition, TablesShape } from '../engines/engine-config.ts'
import type { AfterCommit, AfterRollback, BeforeCommit } from '../commit/hooks.ts'
import type { CommitReport } from '../commit/report.ts'
import { INSPECT, shown, type InspectArguments } from '../identity/inspected.ts'
import type { ContainerCore, ContainerInfo, EngineStatus } from './container.ts'
import { lineOfEnd } from './session-function.ts'
import type { Session } from './session-types.ts'

export type Definitions = Record<string, EngineDefinition<TablesShape, EngineConfig>>

type AccessOf<Config> = Config extends { access: 'read' } ? 'read' : 'write'

export type SessionFor<Definition> =
  Definition extends EngineDefinition<infer Tables, infer Config> ? Session<Tables, AccessOf<Config>> : never

/** What `req.db` is: a session for each engine under its name, and what concerns them all. */
export type Db<D extends Definitions> = {
  readonly [Name in keyof D & string]: SessionFor<D[Name]>
} & DbMembers<D>

export interface DbMembers<D extends Definitions> {
  /** A function that gives the session when it is called: for objects that may never need it. */
  lazy<Name extends keyof D & string>(name: Name): () => SessionFor<D[Name]>
  /**
   * Decided at each access: the engine last written in this request (so that a read sees the write), else one that
   * is in use already, else the first healthy one, in the order of `prefer`. Never an independent engine.
   */
  readonly any: SessionFor<D[keyof D & string]>
  /** Each engine's status in this request. */
  readonly status: { readonly [Name in keyof D & string]: EngineStatus }
  readonly info: ContainerInfo
  /**
   * Commits everything that is open on the engines of the container, all or nothing, and says what became of each; the
   * container stays usable. One engine that has written: a plain COMMIT. Several: a two-phase commit where the servers
   * allow it, else one after the other. Independent engines take no part. When it rejects everything is rolled back but
   * for what EL_PARTIAL_COMMIT and EL_COMMIT_UNKNOWN say, `error.report` tells of each engine, and only `rollback()` is
   * possible then. Throws EL_COMMIT_FAILED, EL_COMMIT_ROLLED_BACK, EL_CONNECTION_LOST, EL_COMMIT_UNKNOWN,
   * EL_PARTIAL_COMMIT, EL_TWO_PHASE_UNAVAILABLE, EL_DOOMED, EL_ILLEGAL_MOVE, EL_ENDED, or what a hook of beforeCommit threw.
   */
  commit(): Promise<CommitReport>
  /** Rolls back every session and gives the connections back; the container stays usable, doomed or not. */
  rollback(): Promise<void>
  /**
   * Runs a function inside of a savepoint on every engine that has a transaction open: kept on all when it resolves,
   * rolled back on all when it throws. An engine whose transaction begins inside has no savepoint: when the others are rolled back its
   * transaction is ended, whoever wrote in it, and its next statement begins anew. May be nested; those side by side take
   * turns. `commit()` is refused until it is over.
   */
  savepoint<T>(fn: () => Promise<T> | T): Promise<T>
  /** Nothing of this unit of work may be committed: `commit()` throws EL_DOOMED until `rollback()`. Statements still run. */
  doom(reason?: unknown): void
  readonly isDoomed: boolean
  /** Called before the next commit, which its error turns into a rollback. It may use the database, and add hooks. */
  beforeCommit(hook: BeforeCommit): void
  /**
   * Called once, with the report, after the next commit of the container, when all engines are committed. Its error is
   * told as a warning (EL_HOOK_FAILED) and changes nothing. What it writes needs a commit of its own.
   */
  afterCommit(hook: AfterCommit): void
  /** Called once after the next rollback: asked for, of a commit that failed, or at the end of a container without commit. */
  afterRollback(hook: AfterRollback): void
  /** The open transaction of this engine has written, although no statement shows it. Needed hardly ever: the server is asked. */
  markChanged(name: keyof D & string): void
  /** Rolls back what is uncommitted and ends all sessions. Idempotent; every later use throws EL_ENDED. */
  end(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Names that an engine cannot have, since a container has something else there or will have. */
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

/** Where a container keeps what is behind its public face. */
const CORE = Symbol('core of a container')

/** What is behind a container's public face, or undefined for anything else. */
export function coreOf(db: unknown): ContainerCore | undefined {
  return typeof db === 'object' && db !== null ? (db as { [CORE]?: ContainerCore })[CORE] : undefined
}

/** Makes the class of containers for a set of engines: a getter for each on its prototype, so a container costs one object. */
export function defineDb(names: readonly string[]): (core: ContainerCore) => object {
  class Container {
    readonly #core: ContainerCore

    constructor(core: ContainerCore) {
      this.#core = core
    }
    static session(db: object, name: string): Session {
      if (!(#core in db)) throw new EnginelightError('EL_CONFIG', 'This is no container of Enginelight.')
      return db.#core.session(name)
    }
    get [CORE](): ContainerCore {
      return this.#core
    }
    lazy(name: string): () => Session {
      return () => this.#core.session(name)
    }
    get any(): Session {
      return this.#core.any()
    }
    get status(): Record<string, EngineStatus> {
      return this.#core.status()
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
    savepoint<T>(fn: () => Promise<T> | T): Promise<T> {
      return this.#core.savepoint(fn)
    }
    doom(reason?: unknown): void {
      this.#core.doom(reason)
    }
    get isDoomed(): boolean {
      return this.#core.isDoomed
    }
    beforeCommit(hook: BeforeCommit): void {
      this.#core.hooks.beforeCommit(hook)
    }
    afterCommit(hook: AfterCommit): void {
      this.#core.hooks.afterCommit(hook)
    }
    afterRollback(hook: AfterRollback): void {
      this.#core.hooks.afterRollback(hook)
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
  return core => new Container(core)
}
