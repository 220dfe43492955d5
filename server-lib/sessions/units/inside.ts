import { AsyncLocalStorage } from 'node:async_hooks'
import type { Unit, UnitOwner, UnitSession } from './unit.ts'

/** The unit that the calling code is inside of. */
const inside = new AsyncLocalStorage<Unit | undefined>()

export const unitHere = (): Unit | undefined => inside.getStore()

/** Whether a unit is `of`, or lies inside it. */
export function isInside(unit: Unit | undefined, of: Unit): boolean {
  for (let one = unit; one; one = one.outer) if (one === of) return true
  return false
}

/** The unit that a call belongs to, made through a unit's handle or through none. */
export function unitFor(handle: Unit | undefined): Unit | undefined {
  const here = unitHere()
  return handle === undefined || isInside(here, handle) ? here : handle
}

export function runInside<T>(unit: Unit, fn: () => Promise<T> | T): Promise<T> {
  return inside.run(unit, async () => fn())
}

/** The same, but returns the function's own result. */
export const runAs = <T>(unit: Unit, fn: () => T): T => inside.run(unit, fn)

/** Runs a function outside any unit. */
export function runOutside<T>(fn: () => T): T {
  return inside.getStore() === undefined ? fn() : inside.run(undefined, fn)
}

/** Whether the calling code is inside an open unit of this session. */
export function isInsideUnit(session: string): boolean {
  for (let unit = unitHere(); unit; unit = unit.outer) {
    if (!unit.isOver && [...unit.places.keys()].some(({ id }) => id === session)) return true
  }
  return false
}

/**
 * The innermost unit, from `from` outwards, that `isOf` accepts and that is open or waiting. Throws EL_ENDED at one
 * that was undone.
 */
function goingOn(
  from: Unit | undefined,
  isOf: (unit: Unit) => boolean,
  ended: (unit: Unit) => Error,
): Unit | undefined {
  for (let unit = from; unit; unit = unit.outer) {
    if (!isOf(unit)) continue
    if (unit.state === 'undone') throw ended(unit)
    // A waiting unit counts: its savepoint is being set, and it has sent nothing.
    if (unit.state === 'open' || unit.state === 'waiting') return unit
  }
  return undefined
}

/** The unit that a statement of this session belongs to when it is sent from inside `from`. */
export function unitOf(session: UnitSession, from: Unit | undefined): Unit | undefined {
  return goingOn(
    from,
    unit => unit.covers(session),
    unit => session.undone(unit),
  )
}

/** The container's unit that a new savepoint over all engines would be nested in. */
export function unitOfContainer(owner: UnitOwner, from: Unit | undefined): Unit | undefined {
  return goingOn(
    from,
    unit => unit.owner === owner && (unit.session === undefined || unit.state === 'undone'),
    unit => owner.undone(unit),
  )
}

/** The container's unit, on one session or on all, that a hook added here belongs to. */
export function unitOfHook(owner: UnitOwner, from: Unit | undefined): Unit | undefined {
  return goingOn(
    from,
    unit => unit.owner === owner,
    unit => owner.undone(unit),
  )
}
