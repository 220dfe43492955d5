import type { Hooks } from '../hooks.ts'
import type { SiteCapture } from '../../identity/site.ts'
import type { DriverResult } from '../../postgres/driver.ts'
import { Fifo } from '../fifo.ts'
import type { SessionCore, SessionOwner } from '../session.ts'
import { Place } from './place.ts'
import type { Wait } from './wait.ts'

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

export interface UnitFacts {
  readonly owner: SessionOwner
  /** The one session that it is of; undefined for all sessions of the container that take part in commits. */
  readonly session?: SessionCore
  readonly outer: Unit | undefined
  readonly ownership: Ownership
  /** The line that asked for it. */
  readonly capture: SiteCapture | null
  /** What made it, as errors name it: `savepoint()`, `knex.transaction()`. */
  readonly what: string
}

/** A part of a unit of work that is kept or undone as one: a savepoint, on one session or on all of a container. */
export class Unit {
  readonly owner: SessionOwner
  readonly session: SessionCore | undefined
  readonly outer: Unit | undefined
  readonly ownership: Ownership
  readonly capture: SiteCapture | null
  readonly what: string
  /** Where it has set its savepoint, or is about to. */
  readonly places = new Map<SessionCore, Place>()
  /** The turns of units over all engines that are opened inside of it. */
  readonly turns = new Fifo()
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

  covers(session: SessionCore): boolean {
    if (this.session) return this.session === session
    return session.owner === this.owner && session.takesPart
  }

  /** It was ended by something other than its function, as a rollback of the session: what it asks for is refused. */
  breakOff(error: Error): void {
    if (!this.move('undo')) return
    this.brokenBy = error
    this.turns.refuseWaiting(error)
  }

  /** Lines up on its session, and resolves when its savepoint is set there. */
  async enter(session: SessionCore, name?: string, text?: string): Promise<DriverResult> {
    const place = new Place(this, session, name)
    this.places.set(session, place)
    const result = await place.enter(text)
    if (!this.move('open')) throw this.brokenBy ?? session.undone(this)
    return result
  }

  /** Its place on a session that it covers, entered if it was not there yet. */
  placeOn(session: SessionCore): Place {
    let place = this.places.get(session)
    if (!place) {
      place = new Place(this, session)
      this.places.set(session, place)
      void place.enter()
    }
    return place
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
      const inner = (fifo.holder as Place | undefined)?.unit
      last = Math.max(last, enteredAt, fifo.idleSince ?? 0, inner?.lastActiveAt ?? 0)
    }
    return last
  }
}
