/**
 * A value that all copies of this package in a thread have in common: the package can be there twice, in two versions
 * or two folders, and what is said on the channels must not be ambiguous for that. `make` is called by the first copy.
 * Nothing but plain counters and sets belongs here, for the copies need not be of one version.
 */
export function processWide<T extends object>(name: string, make: () => T): T {
  const key = Symbol.for(`enginelight:${name}`)
  const holder = globalThis as unknown as Record<symbol, T | undefined>
  return (holder[key] ??= make())
}
