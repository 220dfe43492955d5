import { settledWithin } from '../../clock/deadline.ts'
import { runInside } from './inside.ts'
import { leftOpen, unitBroken, unitGone, waitedForTurn } from './unit-errors.ts'
import type { Unit, UnitTurn } from './unit.ts'

/** Runs a function in a unit that is open: kept when it resolves, undone when it throws. */
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

/** Keeps what was done in a unit. Rejects where that cannot be; then it is to be undone. */
export async function keep(unit: Unit): Promise<void> {
  unit.move('close')
  // What the function did not wait for is part of it.
  await whenStill(unit)
  if (unit.brokenBy) throw unitBroken(unit)
  const places = [...unit.places.values()]
  // Asked of all before anything is kept: what has been released on one engine cannot be taken back.
  for (const { session } of places) session.requireIntact()
  const gone = places.find(place => !place.isStanding)
  if (gone) throw unitGone(unit, gone.session)
  const results = await Promise.allSettled(places.map(place => place.release()))
  const failed = results.find(result => result.status === 'rejected')
  if (failed) {
    // Kept on some and lost on another: half of it must not be committed.
    if (results.some(result => result.status === 'fulfilled')) unit.owner.doom(failed.reason)
    throw failed.reason
  }
  if (!unit.move('keep')) throw unitBroken(unit)
  for (const place of places) place.leave()
  if (unit.hooks) unit.owner.hooksIn(unit.outer).adopt(unit.hooks)
}

/** Undoes what was done in a unit, and in no other. Never rejects. */
export async function undo(unit: Unit, error: unknown): Promise<void> {
  unit.move('undo')
  const ended = unit.owner.undone(unit)
  unit.turns.refuseWaiting(ended)
  await Promise.all([...unit.places.values()].map(place => place.undo(ended)))
  const { hooks } = unit
  unit.hooks = undefined
  if (hooks) await unit.owner.callUndone(hooks, error)
}

/** Resolves when nothing of a unit runs, and none is open inside of it. */
async function whenStill(unit: Unit): Promise<void> {
  for (;;) {
    const busy = [unit, ...unit.places.values()].map(queueOf).find(fifo => fifo.busy)
    if (!busy) return
    const inner = busy.holder?.unit
    // What a function does ends with the function. Of a handle that was forgotten there is no end.
    if (inner === undefined || inner.ownership === 'function') await busy.whenIdle()
    else if (!(await settledWithin(busy.whenIdle(), unit.waitMs)))
      throw inner.isLent ? waitedForTurn(unit, inner, unit.waitMs) : leftOpen(inner, unit)
  }
}

const queueOf = (one: Unit | UnitTurn) => ('turns' in one ? one.turns : one.fifo)
