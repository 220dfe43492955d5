import { BoundedMap } from '../bounded-map.ts'

const REMEMBERED = 1_000
/** Not met again for so long, it was ended by somebody else. Recovery passes every half a minute by default. */
const FORGOTTEN_AFTER_MS = 10 * 60_000

/** The prepared transactions that recovery has met and nobody has ended, as far as we have heard. */
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

  /** How many, by engine; one that has none any more says 0. */
  counts(now: number): ReadonlyMap<string, number> {
    const recent = ({ at }: { at: number }) => now - at < FORGOTTEN_AFTER_MS
    return new Map(
      [...this.#engines].map(name => [name, this.#met.count(one => one.engine === name && recent(one))]),
    )
  }
}
