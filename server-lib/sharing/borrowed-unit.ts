import { AsyncLocalStorage } from 'node:async_hooks'

/** A transaction of a borrowing knex, from its request on. Code that is called within it belongs to it. */
export interface BorrowedUnit {
  readonly outer: BorrowedUnit | undefined
}

const units = new AsyncLocalStorage<BorrowedUnit>()

export const unitHere = (): BorrowedUnit | undefined => units.getStore()

/** Runs a function as a unit of its own, nested in the running one. */
export function inUnit<T>(fn: () => T): T {
  return units.run({ outer: units.getStore() }, fn)
}

/** Whether the running code is inside this unit, at any depth. */
export function isInUnitOf(unit: BorrowedUnit | undefined): boolean {
  if (!unit) return false
  for (let one = units.getStore(); one; one = one.outer) if (one === unit) return true
  return false
}
