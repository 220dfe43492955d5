const LINES_KEPT = 2_000

/** Remembers which lines a warning was told of, so that each is told once. Of very many it begins anew. */
export class ToldLines {
  readonly #lines = new Set<string>()

  /** Whether this line was not told of yet. From now on it was. */
  isNew(line: string): boolean {
    if (this.#lines.has(line)) return false
    if (this.#lines.size >= LINES_KEPT) this.#lines.clear()
    this.#lines.add(line)
    return true
  }
}
