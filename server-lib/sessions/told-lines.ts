const LINES_KEPT = 2_000

/** Remembers which lines a warning was given for, so that each is reported once. Forgets all of them when there are very many. */
export class ToldLines {
  readonly #lines = new Set<string>()

  /** Whether the line is new. Remembers it. */
  isNew(line: string): boolean {
    if (this.#lines.has(line)) return false
    if (this.#lines.size >= LINES_KEPT) this.#lines.clear()
    this.#lines.add(line)
    return true
  }
}
