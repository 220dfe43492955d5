/** What a statement begins or ends on its connection that outlives its transaction. */
type Change =
  | { readonly does: 'listen' | 'unlisten'; readonly name: string }
  | { readonly does: 'declare' | 'close'; readonly name: string }
  | { readonly does: 'lock' | 'try lock' | 'unlock' | 'unlock all' }
  | { readonly does: 'discard' }

/** A longer text is generated and not meant to keep its connection. */
const LONGEST = 500
const NAMED =
  /\b(unlisten|listen)\s+("[^"]*"|[\w$]+|\*)|\bdeclare\s+("[^"]*"|[\w$]+)\s(?:(?!\bdeclare\b)[^;])*?\bwith\s+hold\b|\bclose\s+("[^"]*"|[\w$]+)|\bdiscard\s+all\b|\bpg_(try_)?advisory_(unlock_all|unlock|lock)(?:_shared)?\b/gi
const FIRST_WORD = /^(?:un)?listen\b|^declare\b|^close\b|^discard\b/i

/**
 * What a statement changes of the things its connection is kept for; null for nearly all. Looks at the first letter
 * first, so that most texts cost next to nothing.
 */
export function changesOfKept(text: string): Change[] | null {
  if (text.length > LONGEST) return null
  switch (text.charCodeAt(0) | 0x20) {
    case 0x63: // c
    case 0x64: // d
    case 0x6c: // l
    case 0x75: // u
      return FIRST_WORD.test(text) ? changesIn(text) : null
    case 0x73: // s
    case 0x77: // w
      return text.includes('advisory_') ? changesIn(text) : null
    // A blank, or a comment before the statement.
    case 0x20:
    case 0x2a:
    case 0x29:
    case 0x2d:
    case 0x2f:
      return changesIn(text)
    default:
      return null
  }
}

function changesIn(text: string): Change[] | null {
  const changes: Change[] = []
  for (const [whole, listen, channel = '', declared, closed, tries, lock] of text.matchAll(NAMED)) {
    if (listen) changes.push({ does: listen.toLowerCase() as 'listen', name: nameOf(channel) })
    else if (declared) changes.push({ does: 'declare', name: nameOf(declared) })
    else if (closed) changes.push({ does: 'close', name: nameOf(closed) })
    else if (lock) changes.push({ does: lockOf(lock.toLowerCase(), tries !== undefined) })
    else if (whole) changes.push({ does: 'discard' })
  }
  return changes.length === 0 ? null : changes
}

const nameOf = (word: string): string => (word.startsWith('"') ? word.slice(1, -1) : word.toLowerCase())

function lockOf(word: string, tries: boolean): 'lock' | 'try lock' | 'unlock' | 'unlock all' {
  if (word === 'lock') return tries ? 'try lock' : 'lock'
  return word === 'unlock' ? 'unlock' : 'unlock all'
}

/** What a connection is kept for by design: such a hold is no leak. */
export class KeptFor {
  readonly #channels = new Set<string>()
  readonly #cursors = new Set<string>()
  #locks = 0

  /** `isTaken`: the server's answer to a `try lock`. */
  apply(change: Change, isTaken: boolean): void {
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
