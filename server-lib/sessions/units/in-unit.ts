import { settledWithin } from '../../clock/deadline.ts'
import { runInside } from './inside.ts'
import { leftOpen, unitBroken, unitGone, waitedForTurn } from './unit-errors.ts'
import type { Unit, UnitTurn } from './unit.ts'

/** Runs a function in an open unit: kept when it resolves, undone when it throws. */
export async function inUnit<T>(unit: Unit, fn: () => Promise<T> | T): Promise<T> {
  try {
    const value = await runInside(unit, fn)
    await keep(unit)
    return value
  } catch (error) {
    await undo(unit, error)
    throw error
  }
}

/** Keeps the work of a unit. Rejects where that is impossible; the caller must then undo it. */
export async function keep(unit: Unit): Promise<void> {
  unit.move('close')
  // Statements that the function did not await are part of it.
  await whenStill(unit)
  if (unit.brokenBy) throw unitBroken(unit)
  const places = [...unit.places.values()]
  // All are checked before any is kept: a savepoint released on one engine cannot be taken back.
  for (const { session } of places) session.requireIntact()
  const gone = places.find(place => !place.isStanding)
  if (gone) throw unitGone(unit, gone.session)
  const results = await Promise.allSettled(places.map(place => place.release()))
  const failed = results.find(result => result.status === 'rejected')
  if (failed) {
    // Kept on some engines and lost on another: the half must not be committed.
    if (results.some(result => result.status === 'fulfilled')) unit.owner.doom(failed.reason)
    throw failed.reason
  }
  if (!unit.move('keep')) throw unitBroken(unit)
  for (const place of places) place.leave()
  if (unit.hooks) unit.owner.hooksIn(unit.outer).adopt(unit.hooks)
}

/** Undoes the work of a unit, and only that. Never rejects. */
export async function undo(unit: Unit, error: unknown): Promise<void> {
  unit.move('undo')
  const ended = unit.owner.undone(unit)
  unit.turns.refuseWaiting(ended)
  await Promise.all([...unit.places.values()].map(place => place.undo(ended)))
  const { hooks } = unit
  unit.hooks = undefined
  if (hooks) await unit.owner.callUndone(hooks, error)
}

/** Resolves when no statement of the unit runs and no unit is open inside it. */
async function whenStill(unit: Unit): Promise<void> {
  for (;;) {
    const busy = [unit, ...unit.places.values()].map(queueOf).find(fifo => fifo.busy)
    if (!busy) return
    const inner = busy.holder?.unit
    // A function's unit ends with the function. A handle may be forgotten, and its unit never end.
    if (inner === undefined || inner.ownership === 'function') await busy.whenIdle()
    else if (!(await settledWithin(busy.whenIdle(), unit.waitMs)))
      throw inner.isLent ? waitedForTurn(unit, inner, unit.waitMs) : leftOpen(inner, unit)
  }
}

const queueOf = (one: Unit | UnitTurn) => ('turns' in one ? one.turns : one.fifo)
