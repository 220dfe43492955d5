import type { KeptChange } from '../dialect/texts.ts'

/** A longer text is generated and not meant to keep its connection. */
const LONGEST = 500
const NAMED =
  /\b(unlisten|listen)\s+("[^"]*"|[\w$]+|\*)|\bdeclare\s+("[^"]*"|[\w$]+)\s(?:(?!\bdeclare\b)[^;])*?\bwith\s+hold\b|\bclose\s+("[^"]*"|[\w$]+)|\bdiscard\s+all\b|\bpg_(try_)?advisory_(unlock_all|unlock|lock)(?:_shared)?\b/gi
const FIRST_WORD = /^(?:un)?listen\b|^declare\b|^close\b|^discard\b/i

/**
 * What a statement changes of the things its connection is kept for; null for nearly all. Looks at the first letter
 * first, so that most texts cost next to nothing.
 */
export function changesOfKept(text: string): KeptChange[] | null {
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

function changesIn(text: string): KeptChange[] | null {
  const changes: KeptChange[] = []
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
