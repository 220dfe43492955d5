import type { Hooks } from '../hooks.ts'
import type { SiteCapture } from '../../identity/site.ts'
import type { DriverResult } from '../../dialect/result.ts'
import type { Texts } from '../../dialect/texts.ts'
import { Fifo } from '../fifo.ts'

/**
 * How a unit owns statements. `function`: those from the function's async context, or sent through the handle it was
 * given; all others wait for its end. `handle`: those sent through its handle, and those that the session sends
 * meanwhile. `lent`: the same for a library that the session is lent to, except that the session's savepoints wait for
 * its end.
 */
export type Ownership = 'function' | 'handle' | 'lent'

/** `closing`: its function is over, and later statements from its context belong to the unit around it. */
const MOVES = {
  waiting: { open: 'open', undo: 'undone' },
  open: { close: 'closing', keep: 'kept', undo: 'undone' },
  closing: { keep: 'kept', undo: 'undone' },
  kept: {},
  undone: {},
} as const satisfies Record<string, Partial<Record<string, string>>>

export type UnitState = keyof typeof MOVES
type UnitMove = { [S in UnitState]: keyof (typeof MOVES)[S] }[UnitState]

/** What units use of the container of their sessions. */
export interface UnitOwner {
  /** The units that are open or wait for their turn. */
  unitsOf(): OpenUnits
  /** The error for statements from the context of a unit that was undone. */
  undone(unit: Unit): Error
  /** The hooks of a unit, or of the container's next commit. */
  hooksIn(unit: Unit | undefined): Hooks
  /** Calls the afterRollback hooks of a unit that was undone. Never rejects. */
  callUndone(hooks: Hooks, error: unknown): Promise<void>
  doom(reason: unknown): void
}

export interface OpenUnits {
  /** The queue of units over all engines: those side by side run one after the other. */
  readonly turns: UnitQueue
  /** How long others wait for a unit that does nothing. */
  readonly waitMs: number
  add(unit: Unit): void
  remove(unit: Unit): void
}

/** What units use of a session. */
export interface UnitSession {
  readonly id: string
  readonly engine: {
    readonly name: string
    readonly options: { readonly checkoutTimeoutMs: number }
    readonly dialect: { readonly texts: Texts }
  }
  readonly owner: UnitOwner
  /** Whether it takes part in the commits of its container. */
  readonly takesPart: boolean
  /** The queue of statements that belong to no unit. */
  readonly root: UnitQueue
  readonly isInTransaction: boolean
  /** The number of the current or last transaction. */
  readonly transaction: number
  isStillIn(transaction: number): boolean
  readonly isReading: boolean
  stopReading(error: Error): void
  /** Throws if the open transaction has failed or lost its connection, and so cannot be committed. */
  requireIntact(): void
  queryIn(queue: UnitQueue, text: string, capture: SiteCapture | null): Promise<DriverResult>
  rollbackIn(queue: UnitQueue, capture: SiteCapture | null): Promise<void>
  /** The error for statements from the context of a unit that was undone. */
  undone(unit: Unit): Error
}

/** A queue in which a unit holds a turn while it is open. */
export type UnitQueue = Fifo<UnitTurn>

/** The turn of a unit, with the queue of what belongs to the unit. */
export interface UnitTurn {
  readonly unit: Unit
  readonly fifo: UnitQueue
}

/** The unit's turn on one session, from its SAVEPOINT to its end. */
export interface UnitPlace extends UnitTurn {
  readonly session: UnitSession
  /** When its turn came. */
  readonly enteredAt: number
  /** Whether the transaction that its savepoint lies in is still open. */
  readonly isStanding: boolean
  /** Whether a statement of it runs. False while it only waits for an inner unit that stands still. */
  isAlive(seen: Set<Unit>): boolean
  release(): Promise<DriverResult>
  /** Ends the units opened inside it. Resolves when none of their statements runs on the connection any more. */
  unwind(error: Error): Promise<void>
  /** Rolls back to its savepoint, and gives up its turn. Never rejects. */
  undo(error: Error): Promise<void>
  /** Lets the queue around it go on. */
  leave(): void
}

/** A turn asked for inside a unit that has to wait for other units. */
export interface Wait {
  readonly ahead: readonly Unit[]
}

export interface UnitFacts {
  readonly owner: UnitOwner
  /** The only session it is on; undefined for all sessions of the container that take part in commits. */
  readonly session?: UnitSession
  readonly outer: Unit | undefined
  readonly ownership: Ownership
  /** The line that asked for it. */
  readonly capture: SiteCapture | null
  /** What made it, as errors name it: `savepoint()`, `knex.transaction()`. */
  readonly what: string
}

/** A part of a unit of work that is kept or undone as one: a savepoint, on one session or on all of a container. */
export class Unit {
  readonly owner: UnitOwner
  readonly session: UnitSession | undefined
  readonly outer: Unit | undefined
  readonly ownership: Ownership
  readonly capture: SiteCapture | null
  readonly what: string
  /** The sessions where it has set its savepoint, or is about to. */
  readonly places = new Map<UnitSession, UnitPlace>()
  /** The queue of units over all engines that are opened inside it. */
  readonly turns: UnitQueue = new Fifo()
  /** The turns asked for inside it that wait for another unit. */
  readonly waits = new Set<Wait>()
  /** The hooks added inside it. */
  hooks: Hooks | undefined
  /** Why it was undone although its function goes on. */
  brokenBy: Error | undefined
  since = performance.now()
  #state: UnitState = 'waiting'

  constructor({ owner, session, outer, ownership, capture, what }: UnitFacts) {
    this.owner = owner
    this.session = session
    this.outer = outer
    this.ownership = ownership
    this.capture = capture
    this.what = what
    owner.unitsOf().add(this)
  }

  get state(): UnitState {
    return this.#state
  }

  get isLent(): boolean {
    return this.ownership === 'lent'
  }

  get isOver(): boolean {
    return this.#state === 'kept' || this.#state === 'undone'
  }

  /** Makes a move if it is legal. Returns whether it was. */
  move(move: UnitMove): boolean {
    const next = (MOVES[this.#state] as Partial<Record<UnitMove, UnitState>>)[move]
    if (!next) return false
    this.#state = next
    if (next === 'open') this.since = performance.now()
    if (this.isOver) this.owner.unitsOf().remove(this)
    return true
  }

  covers(session: UnitSession): boolean {
    if (this.session) return this.session === session
    return session.owner === this.owner && session.takesPart
  }

  /** Ends it from outside its function, as a rollback of the session does: its further statements are refused. */
  breakOff(error: Error): void {
    if (!this.move('undo')) return
    this.brokenBy = error
    this.turns.refuseWaiting(error)
  }

  /** Whether a statement of it runs, or waits for one that runs. In a circle of waits nothing does. */
  isAlive(seen = new Set<Unit>()): boolean {
    if (seen.has(this)) return false
    seen.add(this)
    for (const place of this.places.values()) if (place.isAlive(seen)) return true
    for (const { ahead } of this.waits)
      if (ahead.some(unit => !unit.isOver && unit.isAlive(seen))) return true
    return false
  }

  /** How long others wait for it while it does nothing. */
  get waitMs(): number {
    return this.session?.engine.options.checkoutTimeoutMs ?? this.owner.unitsOf().waitMs
  }

  /** When a statement of it ran last. */
  get lastActiveAt(): number {
    let last = this.since
    for (const { fifo, enteredAt } of this.places.values()) {
      last = Math.max(last, enteredAt, fifo.idleSince ?? 0, fifo.holder?.unit.lastActiveAt ?? 0)
    }
    return last
  }
}
