/** From the weakest to the strongest. */
export const ISOLATIONS = ['read committed', 'repeatable read', 'serializable'] as const
export type Isolation = (typeof ISOLATIONS)[number]

/** What a transaction is asked to be. Undefined where nothing is said. */
export interface TransactionModes {
  readonly isolation: Isolation | undefined
  readonly readOnly: boolean | undefined
}

/** Transaction control, and what outlives a transaction, as a text asks for it. `words` are those to name it by. */
export type Control =
  | { readonly ask: 'begin' | 'set transaction'; readonly words: string; readonly modes: TransactionModes }
  | { readonly ask: 'commit' | 'rollback'; readonly words: string; readonly chain: boolean }
  | {
      readonly ask: 'savepoint' | 'release' | 'rollback to'
      readonly words: string
      /** As the server reads it: folded to lower case unless it is in quotes. */
      readonly name: string
    }
  /** Ends or prepares transactions for a two-phase commit. */
  | { readonly ask: 'prepare' | 'end prepared'; readonly words: string }
  /** Changes the connection beyond the transaction: SET without LOCAL, LISTEN, DISCARD and the like. */
  | { readonly ask: 'session'; readonly words: string }
  /** Transaction control among other statements in one text. */
  | { readonly ask: 'several'; readonly words: string }
  /** Begins like transaction control and is none that we know. */
  | { readonly ask: 'unclear'; readonly words: string }

export function isOwners(control: Control | null): control is Control {
  return control?.ask === 'end prepared' || endsTransaction(control)
}

/** COMMIT, ROLLBACK and PREPARE TRANSACTION in all their spellings. */
export function endsTransaction(control: Control | null): control is Control {
  if (control?.ask === 'unclear') return ENDS.test(control.words)
  return control?.ask === 'commit' || control?.ask === 'rollback' || control?.ask === 'prepare'
}

/** What the server cannot read either ends nothing, but what it reads may be less than the text: it stops at a zero byte. */
const ENDS = /^(?:COMMIT|END|ROLLBACK|ABORT)\b/
