/**
 * A value shared by all copies of this package in a thread: there may be two, in two versions or folders, and what the
 * channels report must stay unambiguous. The first copy calls `make`. Only plain counters and sets belong here, because
 * the copies may have different versions.
 */
export function processWide<T extends object>(name: string, make: () => T): T {
  const key = Symbol.for(`enginelight:${name}`)
  const holder = globalThis as unknown as Record<symbol, T | undefined>
  // Jest takes away the properties of what test files leave on the global object, while some of it is still in use. It
  // cannot take those of a sealed object.
  return (holder[key] ??= Object.seal(make()))
}
