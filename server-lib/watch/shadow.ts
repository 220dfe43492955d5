export type Method = (this: unknown, ...args: unknown[]) => unknown

/**
 * Puts a method in front of an object's own or inherited one; no prototype is touched. The returned function takes it
 * off again and restores the object's own properties. If another shadow has been put in front of ours since, ours stays
 * underneath, and must by then do nothing but pass on.
 */
export function shadow(target: object, name: string, replace: (original: Method) => Method): () => void {
  const object = target as Record<string, unknown>
  const original = object[name]
  if (typeof original !== 'function') return () => {}
  const before = Object.getOwnPropertyDescriptor(object, name)
  const value = replace(original as Method)
  Object.defineProperty(object, name, { configurable: true, enumerable: false, writable: true, value })
  return () => {
    if (object[name] !== value) return
    if (before) Object.defineProperty(object, name, before)
    else delete object[name]
  }
}
