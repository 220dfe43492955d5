/**
 * An entry, emptied when it is taken out. V8 gives a map that entries come and go in a new table every few of them, and
 * each old one leads to the next: with the values in them, every span would look alive to each small collection.
 */
interface Entry<V> {
  value: V | undefined
}

/**
 * A map that holds so many entries and no more: one too many, and the oldest is handed to `evicted`.
 * What is open is kept by id, and an end that never comes must not keep it for ever.
 */
export class BoundedMap<V> {
  readonly #entries = new Map<string, Entry<V>>()
  readonly #limit: number
  readonly #evicted: (value: V) => void

  constructor(limit: number, evicted: (value: V) => void = () => {}) {
    this.#limit = limit
    this.#evicted = evicted
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value
  }

  set(key: string, value: V): void {
    this.#entries.set(key, { value })
    if (this.#entries.size <= this.#limit) return
    const oldest = this.#entries.keys().next().value!
    this.#evicted(this.take(oldest)!)
  }

  take(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    return emptied(entry)
  }

  find(is: (value: V) => boolean): V | undefined {
    return this.values().find(is)
  }

  some(is: (value: V) => boolean): boolean {
    for (const entry of this.#entries.values()) if (is(entry.value as V)) return true
    return false
  }

  count(is: (value: V) => boolean): number {
    return this.values().filter(is).length
  }

  /** The oldest first. */
  values(): V[] {
    return Array.from(this.#entries.values(), ({ value }) => value as V)
  }

  /** Takes everything out, youngest first: what was opened inside something else comes before it. */
  drain(): V[] {
    const values = Array.from(this.#entries.values(), emptied).toReversed()
    this.#entries.clear()
    return values
  }
}

function emptied<V>(entry: Entry<V>): V {
  const { value } = entry
  entry.value = undefined
  return value as V
}
