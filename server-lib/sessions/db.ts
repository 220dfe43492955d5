import { EnginelightError } from '../errors.ts'
import type { EngineConfig, EngineDefinition, TablesShape } from '../engines/engine-config.ts'
import type { ContainerCore, ContainerInfo, EngineStatus } from './container.ts'
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
  /** Rolls back every session and gives the connections back; the container stays usable. */
  rollback(): Promise<void>
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
    rollback(): Promise<void> {
      return this.#core.rollback()
    }
    async end(): Promise<void> {
      const core = this.#core
      await core.end()
      if (core.scope.kind === 'unscoped') core.scope.end('finished')
    }
    [Symbol.asyncDispose](): Promise<void> {
      return this.end()
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
