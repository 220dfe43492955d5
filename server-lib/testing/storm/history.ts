import type { TestDatabase } from '../database.ts'

/** What somebody who wrote a row was told of it. */
export type Told = 'committed' | 'failed' | 'unknown'

/** The tables of a storm: rows that are only ever appended, with no constraint that would hide one written twice. */
export const STORM_SCHEMA =
  'create table appended (id text not null, pid int not null default pg_backend_pid())'

/** A stay on a backend, from the first answer in a transaction to the last, in our own time. */
interface Stay {
  readonly pid: number
  readonly from: number
  readonly to: number
  readonly job: string
}

/** Every row with what was told of it, and who was on which backend when. Jobs write it, `check` judges it. */
export class History {
  readonly #told = new Map<string, Told>()
  readonly #stays: Stay[] = []

  tell(id: string, told: Told): void {
    this.#told.set(id, told)
  }

  stayed(job: string, pid: number, from: number): void {
    this.#stays.push({ pid, from, to: performance.now(), job })
  }

  get counts(): Record<Told, number> {
    const counts = { committed: 0, failed: 0, unknown: 0 }
    for (const told of this.#told.values()) counts[told]++
    return counts
  }

  /** Each row that was told as committed is there once, none that failed is; nobody shared a backend. In linear time. */
  async check(database: TestDatabase): Promise<string[]> {
    const rows = await database.admin<{ id: string; n: number }>(
      'select id, count(*)::int n from appended group by id',
    )
    const found = new Map(rows.map(({ id, n }) => [id, n]))
    const wrong: string[] = []
    for (const [id, told] of this.#told) {
      const n = found.get(id) ?? 0
      if (n > 1) wrong.push(`${id} is there ${n} times`)
      if (told === 'committed' && n === 0) wrong.push(`${id} was told as committed and is not there`)
      if (told === 'failed' && n > 0) wrong.push(`${id} was told as failed and is there`)
      found.delete(id)
    }
    for (const id of found.keys()) wrong.push(`${id} is there and nobody was told of it`)
    return [...wrong, ...this.#shared()]
  }

  #shared(): string[] {
    const shared: string[] = []
    const last = new Map<number, Stay>()
    for (const stay of this.#stays.toSorted((a, b) => a.from - b.from)) {
      const before = last.get(stay.pid)
      if (before && before.to > stay.from)
        shared.push(`${before.job} and ${stay.job} were on backend ${stay.pid} at once`)
      if (!before || before.to < stay.to) last.set(stay.pid, stay)
    }
    return shared
  }
}
