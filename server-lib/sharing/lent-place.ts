import { EnginelightError } from '../errors.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import { inTurn, type Guest, type OpenSavepoint, type Patience } from '../sessions/savepoints.ts'
import type { SessionCore } from '../sessions/session.ts'

/** The places that are taken or waited for, by session: with the session they are over. */
const places = new WeakMap<SessionCore, Set<LentPlace>>()

/**
 * A host's place among the savepoints of the session that it is lent: one transaction of it at a time, and none between
 * the ends of a savepoint of our own.
 */
export class LentPlace implements Guest {
  readonly #core: SessionCore
  readonly #what: string
  /** Whether what it holds is more than a statement: then nothing is committed until it is over. */
  readonly #isTransaction: boolean
  readonly #capture: SiteCapture | null
  /** Which transaction of the session it lies in, once something was opened there. */
  #transaction: number | undefined
  #since: number | undefined
  /** The savepoint of our own that it lies in. */
  #around: OpenSavepoint | undefined
  #leave: () => void = () => {}

  constructor(core: SessionCore, command: string | null, capture: SiteCapture | null) {
    this.#core = core
    this.#what = command ?? 'a statement'
    this.#isTransaction = command !== null
    this.#capture = capture
  }

  /** Waits for its turn, for as long as the session may wait for a connection. */
  take(): Promise<this> {
    const patience = this.#patienceOf(this.#what, () => {
      const before = [...placesOf(this.#core)].find(place => place.#since !== undefined)
      return before ? before.#described : 'a savepoint of its own'
    })
    placesOf(this.#core).add(this)
    return new Promise((resolve, reject) => {
      const hold = (open: OpenSavepoint) =>
        new Promise<void>(leave => {
          this.#leave = leave
          this.#around = open.outer
          this.#since = performance.now()
          resolve(this)
        })
      inTurn([this.#core], hold, { patience, guest: this }).catch((error: unknown) => {
        this.leave()
        reject(error as Error)
      })
    })
  }

  /** Something was opened in it, in the transaction of the session that is open now. */
  opened(): void {
    this.#transaction = this.#core.transaction
  }

  /** Whether a rollback of the session's own, its end, or that of a savepoint around it has ended what was open here. */
  get isOver(): boolean {
    const { state, transaction, isInTransaction } = this.#core
    if (state === 'ended' || state === 'lost') return true
    for (let around = this.#around; around; around = around.outer) if (around.over) return true
    return this.#transaction !== undefined && (!isInTransaction || transaction !== this.#transaction)
  }

  /** Whoever waits for it has his turn. */
  leave(): void {
    placesOf(this.#core).delete(this)
    this.#leave()
  }

  leavesIfOver(): boolean {
    if (!this.isOver) return false
    this.leave()
    return true
  }

  /** Why the session cannot commit: half of what a library does as one would be kept. */
  get commitRefusal(): EnginelightError | undefined {
    if (!this.#isTransaction || this.#since === undefined || this.isOver) return undefined
    const { engine, id: session, state } = this.#core
    return new EnginelightError(
      'EL_ILLEGAL_MOVE',
      `commit() is not possible on session ${session} of engine "${engine.name}" while the transaction of a library is open: ${this.#described} is not ended yet. Await it first.`,
      { engine: engine.name, session, state, move: 'commit', legalMoves: ['rollback'] },
    )
  }

  get patience(): Patience {
    return this.#patienceOf('savepoint()', () => this.#described)
  }

  get #described(): string {
    const heldMs = Math.round(performance.now() - (this.#since ?? 0))
    const line = siteOf(this.#capture)?.label
    return `${this.#what} of a library, sent ${heldMs} ms ago${line === undefined ? '' : ` at ${line}`}`
  }

  #patienceOf(what: string, before: () => string): Patience {
    const { engine, id: session } = this.#core
    const waitMs = engine.options.checkoutTimeoutMs
    return {
      waitMs,
      tooLate: () =>
        new EnginelightError(
          'EL_CHECKOUT_TIMEOUT',
          `${what} waited ${waitMs} ms for its turn on session ${session} of engine "${engine.name}", which is taken by ${before()}. Side by side they run one after the other; one that is inside of the other must be nested by the same means, as tx.transaction() is.`,
          { engine: engine.name, session, waitedMs: waitMs },
        ),
    }
  }
}

function placesOf(core: SessionCore): Set<LentPlace> {
  let own = places.get(core)
  if (!own) {
    const made = (own = new Set())
    places.set(core, made)
    core.onEnding(() => {
      for (const place of made) place.leave()
    })
    core.refuseCommitsBy(() => {
      for (const { commitRefusal } of made) if (commitRefusal) return commitRefusal
      return undefined
    })
  }
  return own
}
