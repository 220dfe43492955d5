import { BoundedMap } from '../bounded-map.ts'

const REMEMBERED = 1_000
/**
 * If recovery has not found it for this long, it was resolved elsewhere. By default recovery runs every half minute.
 */
const FORGOTTEN_AFTER_MS = 10 * 60_000

/** The prepared transactions that recovery has found and that are not resolved, as far as we know. */
export class InDoubt {
  readonly #met = new BoundedMap<{ engine: string; at: number }>(REMEMBERED)
  readonly #engines = new Set<string>()

  met(gid: string, engine: string, at: number): void {
    this.#met.take(gid)
    this.#met.set(gid, { engine, at })
    this.#engines.add(engine)
  }

  ended(gid: string): void {
    this.#met.take(gid)
  }

  /** How many, by engine; 0 for an engine that has none any more. */
  counts(now: number): ReadonlyMap<string, number> {
    const recent = ({ at }: { at: number }) => now - at < FORGOTTEN_AFTER_MS
    return new Map(
      [...this.#engines].map(name => [name, this.#met.count(one => one.engine === name && recent(one))]),
    )
  }
}
