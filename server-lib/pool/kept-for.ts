import type { KeptChange } from '../dialect/texts.ts'

/** What a connection is kept for by design: such a hold is no leak. */
export class KeptFor {
  readonly #channels = new Set<string>()
  readonly #cursors = new Set<string>()
  #locks = 0

  /** `isTaken`: the server's answer to a `try lock`. */
  apply(change: KeptChange, isTaken: boolean): void {
    switch (change.does) {
      case 'listen':
        return void this.#channels.add(change.name)
      case 'unlisten':
        return change.name === '*' ? this.#channels.clear() : void this.#channels.delete(change.name)
      case 'declare':
        return void this.#cursors.add(change.name)
      case 'close':
        return change.name === 'all' ? this.#cursors.clear() : void this.#cursors.delete(change.name)
      case 'lock':
        return void this.#locks++
      case 'try lock':
        if (isTaken) this.#locks++
        return
      case 'unlock':
        return void (this.#locks = Math.max(0, this.#locks - 1))
      case 'unlock all':
        return void (this.#locks = 0)
      case 'discard':
        this.#channels.clear()
        this.#cursors.clear()
        this.#locks = 0
        return
      default:
        return change satisfies never
    }
  }

  /** `listens on jobs and mail`, or null when nothing keeps the connection any more. */
  get words(): string | null {
    const words = [
      this.#channels.size > 0 && `listens on ${listed(this.#channels)}`,
      this.#locks > 0 &&
        (this.#locks === 1 ? 'holds an advisory lock' : `holds ${this.#locks} advisory locks`),
      this.#cursors.size > 0 && `holds open the cursor ${listed(this.#cursors)}`,
    ].filter(Boolean)
    return words.length === 0 ? null : words.join(' and ')
  }
}

const SHOWN = 3

function listed(names: ReadonlySet<string>): string {
  const shown = [...names].slice(0, SHOWN).map(name => name.slice(0, 63))
  const more = names.size - shown.length
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ')
}
