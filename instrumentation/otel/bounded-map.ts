/**
 * A map that holds so many entries and no more: one too many, and the oldest is handed to `evicted`.
 * What is open is kept by id, and an end that never comes must not keep it for ever.
 */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>()
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
    return this.#entries.get(key)
  }

  set(key: string, value: V): void {
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#limit) return
    const oldest = this.#entries.keys().next().value!
    this.#evicted(this.take(oldest)!)
  }

  take(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) this.#entries.delete(key)
    return value
  }

  find(is: (value: V) => boolean): V | undefined {
    for (const value of this.#entries.values()) if (is(value)) return value
    return undefined
  }

  count(is: (value: V) => boolean): number {
    let found = 0
    for (const value of this.#entries.values()) if (is(value)) found++
    return found
  }

  /** Takes everything out, youngest first: what was opened inside something else comes before it. */
  drain(): V[] {
    const values = [...this.#entries.values()].toReversed()
    this.#entries.clear()
    return values
  }
}
