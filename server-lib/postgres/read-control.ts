import {
  isOwners,
  ISOLATIONS,
  type Control,
  type Isolation,
  type TransactionModes,
} from '../dialect/control.ts'
import { beginsWith, isOneStatement, statementHeads, type Token } from './statements.ts'

/** With what a statement begins that asks for something of the kind. */
const CONTROL_WORDS = new Set(
  'begin start commit end rollback abort savepoint release prepare set declare deallocate reset discard listen unlisten load'.split(
    ' ',
  ),
)
const CONTROL_WORD = new RegExp(`(?:${[...CONTROL_WORDS].join('|')})\\b`, 'iy')

/** One statement that is no control, as nearly all are: its first word and the first semicolon tell, and it is not worth a scan. */
const isOrdinary = (text: string): boolean => isOneStatement(text) && !beginsWith(text, CONTROL_WORD)

/**
 * What a text asks for of transactions and of the connection, whatever its case, white space and comments; null where it
 * asks for nothing of the kind. Where the answer would depend on standard_conforming_strings, both readings count: what
 * either of them sees is seen.
 */
export function readControl(text: string): Control | null {
  return isOrdinary(text) ? null : byEitherReading(text, controlOf)
}

/** What the first statement of a text asks for. More than one the server takes of no text that comes with parameters or a name. */
export function firstControl(text: string): Control | null {
  if (!beginsWith(text, CONTROL_WORD)) return null
  const [head] = statementHeads(text, false, 1)
  return head ? statementControl(head) : null
}

/** What in a text is for whoever owns the transaction that is open: its end, or the end of one that was prepared. */
export function ownersControl(text: string): Control | null {
  if (isOrdinary(text)) return null
  return byEitherReading(text, heads => heads.map(statementControl).find(isOwners) ?? null)
}

function byEitherReading(text: string, read: (heads: readonly Token[][]) => Control | null): Control | null {
  const control = read(statementHeads(text, false))
  if (control || !text.includes('\\')) return control
  return read(statementHeads(text, true))
}

function controlOf(heads: readonly Token[][]): Control | null {
  const [only, ...others] = heads
  if (!only) return null
  if (others.length === 0) return statementControl(only)
  const found = heads.map(statementControl).filter(control => control !== null)
  const transactional = found.find(({ ask }) => ask !== 'session')
  if (transactional) return { ask: 'several', words: transactional.words }
  return found[0] ?? null
}

function statementControl(head: Token[]): Control | null {
  const [first] = head
  if (first?.kind !== 'word' || !CONTROL_WORDS.has(first.value)) return null
  const words = wordsOf(head)
  const unclear: Control = { ask: 'unclear', words }
  const rest = new Words(head)
  switch (first.value) {
    case 'begin':
      rest.takeAny('work', 'transaction')
      return begins(words, rest) ?? unclear
    case 'start':
      return rest.take('transaction') ? (begins(words, rest) ?? unclear) : null
    case 'commit':
    case 'end':
      if (first.value === 'commit' && rest.take('prepared')) return { ask: 'end prepared', words }
      rest.takeAny('work', 'transaction')
      return ends('commit', words, rest) ?? unclear
    case 'rollback':
    case 'abort': {
      if (first.value === 'rollback' && rest.take('prepared')) return { ask: 'end prepared', words }
      rest.takeAny('work', 'transaction')
      if (!rest.take('to')) return ends('rollback', words, rest) ?? unclear
      return named('rollback to', words, rest) ?? unclear
    }
    case 'savepoint':
      return named('savepoint', words, rest) ?? unclear
    case 'release':
      return named('release', words, rest) ?? unclear
    case 'prepare':
      return rest.take('transaction') ? { ask: 'prepare', words } : null
    case 'set':
      return settings(words, rest, unclear)
    case 'declare':
      return head.some(({ kind, value }) => kind === 'word' && value === 'hold')
        ? { ask: 'session', words }
        : null
    // With it those go that others have prepared on the connection, and whose drivers still count on them.
    case 'deallocate':
      rest.take('prepare')
      return rest.take('all') && rest.left === 0 ? { ask: 'session', words } : null
    case 'reset':
    case 'discard':
    case 'listen':
    case 'unlisten':
    case 'load':
      return { ask: 'session', words }
    default:
      return null
  }
}

/** Names that are also keywords need no quotes: SAVEPOINT savepoint, as the grammar has it. */
function named(
  ask: 'savepoint' | 'release' | 'rollback to',
  words: string,
  rest: Words,
): Control | undefined {
  if (ask !== 'savepoint' && rest.left > 1) rest.take('savepoint')
  const name = rest.takeName()
  return name !== undefined && rest.left === 0 ? { ask, words, name } : undefined
}

function ends(ask: 'commit' | 'rollback', words: string, rest: Words): Control | undefined {
  let chain = false
  if (rest.take('and')) {
    chain = !rest.take('no')
    if (!rest.take('chain')) return undefined
  }
  return rest.left === 0 ? { ask, words, chain } : undefined
}

function begins(words: string, rest: Words): Control | undefined {
  const modes = modesOf(rest)
  return modes && { ask: 'begin', words, modes }
}

/** What SET does; null where it is for the transaction alone. */
function settings(words: string, rest: Words, unclear: Control): Control | null {
  if (rest.take('local') || rest.take('constraints')) return null
  if (!rest.take('transaction')) return { ask: 'session', words }
  const modes = modesOf(rest)
  return modes ? { ask: 'set transaction', words, modes } : unclear
}

/** Undefined where something else stands there, as SNAPSHOT does. */
function modesOf(rest: Words): TransactionModes | undefined {
  let isolation: Isolation | undefined
  let readOnly: boolean | undefined
  while (rest.left > 0) {
    rest.take(',')
    if (rest.take('isolation')) {
      if (!rest.take('level')) return undefined
      isolation = levelOf(rest)
      if (!isolation) return undefined
    } else if (rest.take('read')) {
      readOnly = rest.take('only')
      if (!readOnly && !rest.take('write')) return undefined
    } else {
      rest.take('not')
      if (!rest.take('deferrable')) return undefined
    }
  }
  return { isolation, readOnly }
}

function levelOf(rest: Words): Isolation | undefined {
  // The server takes the weakest of the standard's levels for the next one.
  if (rest.take('read')) return rest.take('committed') || rest.take('uncommitted') ? ISOLATIONS[0] : undefined
  if (rest.take('repeatable')) return rest.take('read') ? 'repeatable read' : undefined
  return rest.take('serializable') ? 'serializable' : undefined
}

/** At most the first three, in capitals. Never a string, which can be a secret. */
function wordsOf(head: readonly Token[]): string {
  let words = ''
  let seen = 0
  for (const { kind, value } of head) {
    if (kind !== 'word') continue
    if (seen === 0) words = value.toUpperCase()
    else if (TELLING.has(value)) words += ` ${value.toUpperCase()}`
    if (++seen === 3) break
  }
  return words
}

const TELLING = new Set(
  'transaction prepared to savepoint and chain isolation level session role all characteristics'.split(' '),
)

/** The tokens behind the first one, taken from the left. */
class Words {
  readonly #tokens: readonly Token[]
  #at = 1

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get left(): number {
    return this.#tokens.length - this.#at
  }

  take(value: string): boolean {
    const next = this.#tokens[this.#at]
    if (!next || next.kind === 'name' || next.value !== value) return false
    this.#at++
    return true
  }

  takeAny(...values: string[]): boolean {
    return values.some(value => this.take(value))
  }

  takeName(): string | undefined {
    const next = this.#tokens[this.#at]
    if (next?.kind !== 'word' && next?.kind !== 'name') return undefined
    this.#at++
    return next.value
  }
}
