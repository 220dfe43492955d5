import { ContainerCore, type ContainerSetup } from '../containers/container.ts'
import type { Db, Definitions } from '../containers/db.ts'
import type { Contained, RequestScope } from '../requests/request-scope.ts'
import type { TransactionKind } from '../sessions/transaction-kind.ts'

export type MakeDb = (core: ContainerCore) => object

/** A container and its public face. */
export class OpenContainer<D extends Definitions> implements Contained {
  readonly core: ContainerCore
  readonly db: Db<D>
  readonly #makeDb: MakeDb
  /** Its faces for sets with other engine names. */
  #faces: Map<MakeDb, object> | undefined

  constructor(
    setup: ContainerSetup,
    makeDb: MakeDb,
    scope: RequestScope,
    request: unknown,
    signal: AbortSignal | undefined,
    kind?: TransactionKind,
  ) {
    this.core = new ContainerCore(setup, scope, request, signal, kind)
    this.db = makeDb(this.core) as Db<D>
    this.#makeDb = makeDb
  }

  /** The container as seen by another set of its `hot` key, whose engines have other names. */
  as(makeDb: MakeDb): { readonly core: ContainerCore; readonly db: Db<D> } {
    if (makeDb === this.#makeDb) return this
    this.#faces ??= new Map()
    const db = this.#faces.get(makeDb) ?? makeDb(this.core)
    this.#faces.set(makeDb, db)
    return { core: this.core, db: db as Db<D> }
  }

  unreleased(): string[] {
    return this.core.unreleased()
  }

  end(how: 'finished' | 'aborted', reason?: unknown): Promise<void> {
    return this.core.end(how, reason)
  }
}
