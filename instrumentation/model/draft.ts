import type { Fact, Kind, Time } from './rows.ts'
import type { PanelState } from './state.ts'

/** What a fact of each kind changes. */
export type Reducer = { readonly [K in Kind]: (draft: Draft, fact: Fact<K>, at: Time) => void }

/** A record and its lists, made mutable. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer V)[] ? V[] : T[K] }
type Tables = {
  [K in keyof PanelState as PanelState[K] extends ReadonlyMap<string, unknown> ? K : never]: PanelState[K]
}
export type TableName = keyof Tables
export type Entity<K extends TableName> = Tables[K] extends ReadonlyMap<string, infer V> ? V : never

/**
 * The next state while a batch of rows is applied. A table or a record is copied at its first change in the batch and
 * then changed in place, so that twenty thousand rows a second cost a few copies per frame.
 */
export class Draft {
  readonly #state: { -readonly [K in keyof PanelState]: PanelState[K] }
  readonly #ownTables = new Set<TableName>()
  readonly #ownRecords = new WeakSet<object>()
  #ownOrder = false

  constructor(state: PanelState) {
    this.#state = { ...state }
  }

  get state(): PanelState {
    return this.#state
  }

  advance(seq: number): void {
    if (seq > this.#state.seq) this.#state.seq = seq
  }

  get<K extends TableName>(table: K, id: string): Entity<K> | undefined {
    return this.#state[table].get(id) as Entity<K> | undefined
  }

  /** Takes ownership of a record and its lists: nothing else may hold them. */
  set<K extends TableName>(table: K, id: string, record: Entity<K>): void {
    if (typeof record === 'object') this.#ownRecords.add(record as object)
    this.#table(table).set(id, record)
  }

  delete(table: TableName, id: string): void {
    if (this.#state[table].has(id)) this.#table(table).delete(id)
  }

  /** A record that may be changed in place until the batch ends, with its lists; undefined if there is none. */
  edit<K extends Exclude<TableName, 'sessions'>>(
    table: K,
    id: string | null,
  ): Writable<Entity<K>> | undefined {
    if (id === null) return undefined
    const record = this.get(table, id) as object | undefined
    if (!record) return undefined
    if (this.#ownRecords.has(record)) return record as Writable<Entity<K>>
    const copy: Record<string, unknown> = { ...record }
    for (const key in copy) {
      const value = copy[key]
      if (Array.isArray(value)) copy[key] = [...(value as unknown[])]
    }
    this.set(table, id, copy as Entity<K>)
    return copy as Writable<Entity<K>>
  }

  /** Forgets a table's oldest entries beyond this many. */
  trim(table: TableName, most: number): void {
    if (this.#state[table].size <= most) return
    for (const oldest of this.#state[table].keys()) return void this.#table(table).delete(oldest)
  }

  get order(): string[] {
    if (!this.#ownOrder) {
      this.#state.order = [...this.#state.order]
      this.#ownOrder = true
    }
    return this.#state.order as string[]
  }

  #table<K extends TableName>(table: K): Map<string, Entity<K>> {
    if (!this.#ownTables.has(table)) {
      this.#ownTables.add(table)
      const copy = new Map(this.#state[table] as ReadonlyMap<string, unknown>)
      ;(this.#state as Record<string, unknown>)[table] = copy
    }
    return this.#state[table] as unknown as Map<string, Entity<K>>
  }
}
