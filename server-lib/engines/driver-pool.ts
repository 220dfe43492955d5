import { knownDatabases } from './database.ts'
import type { DriverPool } from './engine-config.ts'

/** Whether a value is a pool of a driver or a function that makes one, as opposed to the sizes of a pool of our own. */
export function isPoolSource(value: unknown): value is DriverPool | (() => DriverPool) {
  return typeof value === 'function' || isDriverPool(value)
}

export const isDriverPool = (value: unknown): value is DriverPool =>
  knownDatabases().some(({ nativePools }) => nativePools?.is(value) === true)
