/**
 * An entry that is emptied when it is taken out. V8 gives a map whose entries come and go a new table every few of
 * them, and each old table leads to the next: with values in the old tables, every span would look alive to each small
 * collection.
 */
interface Entry<V> {
  value: V | undefined
}

/** Up to this many are kept in a row: comparing that many ids costs less than a table. */
const FEW = 48

/**
 * A map with a limit: one entry too many, and the oldest is handed to `evicted`. Open things are kept by id, and an end
 * that never comes must not keep one for ever.
 */
export class BoundedMap<V> {
  readonly #limit: number
  readonly #evicted: (value: V) => void
  /** The oldest first. */
  readonly #keys: string[] = []
  readonly #values: V[] = []
  /** Replaces the row once it is full, until nothing is left. */
  #many: Map<string, Entry<V>> | undefined

  constructor(limit: number, evicted: (value: V) => void = () => {}) {
    this.#limit = limit
    this.#evicted = evicted
  }

  get size(): number {
    return this.#many ? this.#many.size : this.#keys.length
  }

  get(key: string): V | undefined {
    if (this.#many) return this.#many.get(key)?.value
    // The youngest first: most of what ends has begun recently.
    const at = this.#keys.lastIndexOf(key)
    return at === -1 ? undefined : this.#values[at]
  }

  set(key: string, value: V): void {
    const at = this.#many ? -1 : this.#keys.lastIndexOf(key)
    if (this.#many) this.#many.set(key, { value })
    else if (at !== -1) this.#values[at] = value
    else if (this.#keys.length < FEW) {
      this.#keys.push(key)
      this.#values.push(value)
    } else {
      this.#many = new Map(this.#keys.map((known, index) => [known, { value: this.#values[index] }]))
      this.#clearRow()
      this.#many.set(key, { value })
    }
    if (this.size <= this.#limit) return
    const oldest = this.#many ? this.#many.keys().next().value! : this.#keys[0]!
    this.#evicted(this.take(oldest)!)
  }

  take(key: string): V | undefined {
    const many = this.#many
    if (many) {
      const entry = many.get(key)
      if (!entry) return undefined
      many.delete(key)
      if (many.size === 0) this.#many = undefined
      return emptied(entry)
    }
    const keys = this.#keys
    const values = this.#values
    const at = keys.lastIndexOf(key)
    if (at === -1) return undefined
    const value = values[at]
    // By hand: `splice` makes a list of what it removes.
    for (let next = at + 1; next < keys.length; next++) {
      keys[next - 1] = keys[next]!
      values[next - 1] = values[next]!
    }
    keys.pop()
    values.pop()
    return value
  }

  find(is: (value: V) => boolean): V | undefined {
    return this.values().find(is)
  }

  some(is: (value: V) => boolean): boolean {
    return this.#many ? this.values().some(is) : this.#values.some(is)
  }

  count(is: (value: V) => boolean): number {
    return this.values().filter(is).length
  }

  /** The oldest first. */
  values(): V[] {
    return this.#many ? Array.from(this.#many.values(), ({ value }) => value as V) : [...this.#values]
  }

  /** Takes everything out, youngest first, so that inner things come before the outer ones they were opened in. */
  drain(): V[] {
    const values = this.values().toReversed()
    this.#many?.forEach(emptied)
    this.#many = undefined
    this.#clearRow()
    return values
  }

  #clearRow(): void {
    this.#keys.length = 0
    this.#values.length = 0
  }
}

function emptied<V>(entry: Entry<V>): V {
  const { value } = entry
  entry.value = undefined
  return value as V
}
