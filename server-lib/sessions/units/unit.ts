import type { Hooks } from '../hooks.ts'
import type { SiteCapture } from '../../identity/site.ts'
import type { DriverResult } from '../../postgres/driver.ts'
import { Fifo } from '../fifo.ts'

/**
 * How a unit owns statements. `function`: what is sent from the function's async context, or by the handle that it was
 * given; everything else waits for its end. `handle`: what its handle sends, and what the session sends meanwhile.
 * `lent`: the same, of a library that the session is lent to; savepoints of the session wait for its end.
 */
export type Ownership = 'function' | 'handle' | 'lent'

/** `closing`: its function is over, and what is sent from its context from now on belongs to the unit around it. */
const MOVES = {
  waiting: { open: 'open', undo: 'undone' },
  open: { close: 'closing', keep: 'kept', undo: 'undone' },
  closing: { keep: 'kept', undo: 'undone' },
  kept: {},
  undone: {},
} as const satisfies Record<string, Partial<Record<string, string>>>

export type UnitState = keyof typeof MOVES
type UnitMove = { [S in UnitState]: keyof (typeof MOVES)[S] }[UnitState]

/** The container of a unit's sessions, as units use it. */
export interface UnitOwner {
  /** The units that are open, or wait for their turn. */
  unitsOf(): OpenUnits
  /** What is said to what comes from the context of a unit that was undone. */
  undone(unit: Unit): Error
  /** What is asked for inside of a unit to be done around the commit. */
  hooksIn(unit: Unit | undefined): Hooks
  /** Calls what was asked for inside of a unit for the case that it is undone. Never rejects. */
  callUndone(hooks: Hooks, error: unknown): Promise<void>
  doom(reason: unknown): void
}

export interface OpenUnits {
  /** The turns of those over all engines: side by side they run one after the other. */
  readonly turns: UnitQueue
  /** How long one that does nothing is waited for. */
  readonly waitMs: number
  add(unit: Unit): void
  remove(unit: Unit): void
}

/** A session, as units use it. */
export interface UnitSession {
  readonly id: string
  readonly engine: { readonly name: string; readonly options: { readonly checkoutTimeoutMs: number } }
  readonly owner: UnitOwner
  /** Whether it takes part in the commits of its container. */
  readonly takesPart: boolean
  /** The queue of what belongs to no unit. */
  readonly root: UnitQueue
  readonly isInTransaction: boolean
  /** Which of its transactions is open, or was last. */
  readonly transaction: number
  isStillIn(transaction: number): boolean
  readonly isReading: boolean
  stopReading(error: Error): void
  /** Throws why the open transaction cannot be committed any more, if that is so. */
  requireIntact(): void
  queryIn(queue: UnitQueue, text: string, capture: SiteCapture | null): Promise<DriverResult>
  rollbackIn(queue: UnitQueue, capture: SiteCapture | null): Promise<void>
  /** What is said to what comes from the context of a unit that was undone. */
  undone(unit: Unit): Error
}

/** A queue in which units have turns, as long as they are open. */
export type UnitQueue = Fifo<UnitTurn>

/** The turn of a unit, in which what belongs to it has a queue of its own. */
export interface UnitTurn {
  readonly unit: Unit
  readonly fifo: UnitQueue
}

/** The unit's turn on one session, from its SAVEPOINT to its end. */
export interface UnitPlace extends UnitTurn {
  readonly session: UnitSession
  /** When its turn came. */
  readonly enteredAt: number
  /** Whether the transaction that its savepoint lies in is open. */
  readonly isStanding: boolean
  /** Whether something of it runs: not where all that it has is a unit that stands still. */
  isAlive(seen: Set<Unit>): boolean
  release(): Promise<DriverResult>
  /** Ends what was opened inside of it. Resolves when nothing of that runs on the connection any more. */
  unwind(error: Error): Promise<void>
  /** Rolls back to its savepoint, and gives up its turn. Never rejects. */
  undo(error: Error): Promise<void>
  /** What waits in the queue around it has its turn. */
  leave(): void
}

/** What was asked for inside of a unit and has to wait for others. */
export interface Wait {
  readonly ahead: readonly Unit[]
}

export interface UnitFacts {
  readonly owner: UnitOwner
  /** The one session that it is of; undefined for all sessions of the container that take part in commits. */
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
  /** Where it has set its savepoint, or is about to. */
  readonly places = new Map<UnitSession, UnitPlace>()
  /** The turns of units over all engines that are opened inside of it. */
  readonly turns: UnitQueue = new Fifo()
  /** What was asked for inside of it and waits for another unit. */
  readonly waits = new Set<Wait>()
  /** What is to be done around the commit or rollback of what was done inside of it. */
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

  /** Moves where that is legal. Whether it was. */
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

  /** It was ended by something other than its function, as a rollback of the session: what it asks for is refused. */
  breakOff(error: Error): void {
    if (!this.move('undo')) return
    this.brokenBy = error
    this.turns.refuseWaiting(error)
  }

  /** Whether something of it runs, or waits for something that runs. In a ring of waits nothing does. */
  isAlive(seen = new Set<Unit>()): boolean {
    if (seen.has(this)) return false
    seen.add(this)
    for (const place of this.places.values()) if (place.isAlive(seen)) return true
    for (const { ahead } of this.waits)
      if (ahead.some(unit => !unit.isOver && unit.isAlive(seen))) return true
    return false
  }

  /** How long it is waited for while it does nothing. */
  get waitMs(): number {
    return this.session?.engine.options.checkoutTimeoutMs ?? this.owner.unitsOf().waitMs
  }

  /** When something of it ran last. */
  get lastActiveAt(): number {
    let last = this.since
    for (const { fifo, enteredAt } of this.places.values()) {
      last = Math.max(last, enteredAt, fifo.idleSince ?? 0, fifo.holder?.unit.lastActiveAt ?? 0)
    }
    return last
  }
}
