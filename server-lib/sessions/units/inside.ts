import { AsyncLocalStorage } from 'node:async_hooks'
import type { Unit, UnitOwner, UnitSession } from './unit.ts'

/** Which unit the running function is inside of. */
const inside = new AsyncLocalStorage<Unit | undefined>()

export const unitHere = (): Unit | undefined => inside.getStore()

/** Whether a unit is this one, or lies inside of it. */
export function isInside(unit: Unit | undefined, of: Unit): boolean {
  for (let one = unit; one; one = one.outer) if (one === of) return true
  return false
}

/** The unit that something belongs to which is asked for here by a unit's handle, or by none. */
export function unitFor(handle: Unit | undefined): Unit | undefined {
  const here = unitHere()
  return handle === undefined || isInside(here, handle) ? here : handle
}

export function runInside<T>(unit: Unit, fn: () => Promise<T> | T): Promise<T> {
  return inside.run(unit, async () => fn())
}

/** The same, with what the function returns as it is. */
export const runAs = <T>(unit: Unit, fn: () => T): T => inside.run(unit, fn)

/** Runs a function as part of no unit. */
export function runOutside<T>(fn: () => T): T {
  return inside.getStore() === undefined ? fn() : inside.run(undefined, fn)
}

/** Whether the running function is inside of an open unit of this session. */
export function isInsideUnit(session: string): boolean {
  for (let unit = unitHere(); unit; unit = unit.outer) {
    if (!unit.isOver && [...unit.places.keys()].some(({ id }) => id === session)) return true
  }
  return false
}

/** The innermost unit from `from` outwards that goes on and that `isOf` accepts. Throws EL_ENDED where one was undone. */
function goingOn(
  from: Unit | undefined,
  isOf: (unit: Unit) => boolean,
  ended: (unit: Unit) => Error,
): Unit | undefined {
  for (let unit = from; unit; unit = unit.outer) {
    if (!isOf(unit)) continue
    if (unit.state === 'undone') throw ended(unit)
    // Not yet: its savepoint is being set, and it has sent nothing.
    if (unit.state === 'open' || unit.state === 'waiting') return unit
  }
  return undefined
}

/** The unit that a statement of this session belongs to, which is sent from inside of `from`. */
export function unitOf(session: UnitSession, from: Unit | undefined): Unit | undefined {
  return goingOn(
    from,
    unit => unit.covers(session),
    unit => session.undone(unit),
  )
}

/** The unit over all engines of a container that another one would be opened in. */
export function unitOfContainer(owner: UnitOwner, from: Unit | undefined): Unit | undefined {
  return goingOn(
    from,
    unit => unit.owner === owner && (unit.session === undefined || unit.state === 'undone'),
    unit => owner.undone(unit),
  )
}

/** The unit of a container, of one session or of all, that a hook belongs to which is asked for here. */
export function unitOfHook(owner: UnitOwner, from: Unit | undefined): Unit | undefined {
  return goingOn(
    from,
    unit => unit.owner === owner,
    unit => owner.undone(unit),
  )
}
