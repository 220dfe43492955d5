import { forEachText, type Row, type TextId } from '../../model/codec.ts'
import { copyOf } from './plain.ts'

interface Entry {
  readonly id: TextId
  readonly text: string
  readonly bytes: number
  /** How many held rows name it. */
  rows: number
}

const ENTRY_BYTES = 160
const FULL = '(text not kept: too many different texts)'

/**
 * The interned texts: SQL, labels, lines of code, messages. A text named by a held row stays; the others leave in the
 * order in which their last row did. Ids are not reused.
 */
export class Dictionary {
  bytes = 0
  readonly #limit: number
  readonly #byText = new Map<string, Entry>()
  readonly #byId = new Map<TextId, Entry>()
  /** In the order in which their last row left. */
  readonly #unnamed = new Map<TextId, Entry>()
  #nextId = 1

  constructor(limitBytes: number) {
    this.#limit = limitBytes
  }

  get size(): number {
    return this.#byId.size
  }

  get isOver(): boolean {
    return this.bytes > this.#limit
  }

  /** The id of a text. It is safe from `trim` only once a held row names it. */
  intern(text: string, longest: number): TextId {
    const cut = text.length > longest ? `${text.slice(0, longest)}…` : text
    const known = this.#byText.get(cut)
    if (known !== undefined) return known.id
    // Only texts of open things can fill it this far; they must not grow without end either.
    if (this.bytes > this.#limit * 2 && cut !== FULL) return this.intern(FULL, FULL.length)
    const own = copyOf(cut)
    // Copying repairs half a surrogate pair, so the copy can be known although the original was not.
    const knownCopy = own === cut ? undefined : this.#byText.get(own)
    if (knownCopy !== undefined) return knownCopy.id
    const entry: Entry = {
      id: this.#nextId++,
      text: own,
      bytes: ENTRY_BYTES + 2 * own.length,
      rows: 0,
    }
    this.#byText.set(own, entry)
    this.#byId.set(entry.id, entry)
    this.#unnamed.set(entry.id, entry)
    this.bytes += entry.bytes
    return entry.id
  }

  textOf(id: TextId): string | undefined {
    return this.#byId.get(id)?.text
  }

  hold(row: Row): void {
    forEachText(row, id => {
      const entry = this.#byId.get(id)
      if (entry !== undefined && entry.rows++ === 0) this.#unnamed.delete(id)
    })
  }

  letGo(row: Row): void {
    forEachText(row, id => {
      const entry = this.#byId.get(id)
      if (entry !== undefined && --entry.rows === 0) this.#unnamed.set(id, entry)
    })
  }

  /** Brings it within its limit, as far as held rows allow. */
  trim(): void {
    if (!this.isOver) return
    for (const entry of this.#unnamed.values()) {
      this.#unnamed.delete(entry.id)
      this.#byId.delete(entry.id)
      this.#byText.delete(entry.text)
      this.bytes -= entry.bytes
      if (!this.isOver) return
    }
  }
}
