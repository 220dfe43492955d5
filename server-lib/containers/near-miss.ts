import { unknownEngine } from './started-sessions.ts'

/** Names that libraries probe on any object to find out what it is. */
const PROBED = new Set([
  'then',
  'toJSON',
  'inspect',
  'length',
  'name',
  'size',
  'nodeType',
  'tagName',
  'asymmetricMatch',
])

/**
 * The last prototype of a container: a lookup that arrives here is no member. A name close to an engine's throws
 * EL_UNKNOWN_ENGINE, because plain JavaScript would return undefined; all other names are absent as usual.
 */
export function refusingNearMisses(names: readonly string[]): object {
  return new Proxy(
    {},
    {
      get(target, name, receiver) {
        if (typeof name === 'string' && !(name in target) && !PROBED.has(name) && isNear(name, names))
          throw unknownEngine(name, names)
        return Reflect.get(target, name, receiver) as unknown
      },
    },
  )
}

function isNear(name: string, names: readonly string[]): boolean {
  return names.some(known => distance(name.toLowerCase(), known.toLowerCase()) <= (known.length < 5 ? 1 : 2))
}

/** The edit distance of two names: letters inserted, deleted, replaced or swapped with their neighbour. Capped at 3. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      let least = Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + (isSame ? 0 : 1))
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) least = Math.min(least, (before[j - 2] ?? 0) + 1)
      next.push(least)
    }
    before = row
    row = next
  }
  return row[b.length] ?? 3
}
