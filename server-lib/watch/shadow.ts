export type Method = (this: unknown, ...args: unknown[]) => unknown

/**
 * Puts a method before that of one object, its own or an inherited one; no prototype is touched. The returned function
 * takes it off again and leaves the object's own properties as they were. Where somebody has put theirs before ours
 * since, ours stays underneath: it must by then do nothing but pass on.
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
