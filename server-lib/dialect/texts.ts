import type { Control, Isolation } from './control.ts'

/** The texts of transaction control. */
export interface Texts {
  /** BEGIN with everything that holds for this transaction alone, a statement each. The same list for the same `options`. */
  begin(
    options: {
      readonly statementTimeoutMs: number | undefined
      readonly idleInTransactionTimeoutMs: number | undefined
    },
    kind: { readonly readOnly: boolean; readonly isolation: Isolation | undefined },
  ): readonly string[]
  readonly commit: string
  readonly rollback: string
  savepoint(name: string): string
  releaseSavepoint(name: string): string
  /** Back to the savepoint, which then goes too: it would otherwise stay open until the transaction ends. */
  rollbackToSavepoint(name: string): string
  /** Lets the savepoint stand. */
  rollbackToSavepointOnly(name: string): string
  /** Makes the rest of the transaction, or of the savepoint, read only. */
  readonly readOnlyHere: string
  /** Lets the next transactions only read. */
  readonly readOnlySession: string
  /** What is sent before a connection goes back to its pool; nothing for most engines. One text each. */
  resets(engine: {
    readonly isReadOnlySession: boolean
    readonly owned: boolean
    readonly resetOnRelease: boolean
  }): readonly string[]
  /** Whether a reset makes the server forget the prepared statements. */
  forgetsPrepared(resets: readonly string[]): boolean
  /** Settings of the transaction that is open, with parameters: what a request says of itself is not for observers. */
  setForTransaction(settings: Readonly<Record<string, string>>): { text: string; values: unknown[] }
  /** Has deferred constraints checked now: what COMMIT would find afterwards is found before anybody commits. */
  readonly checkConstraints: string
  /** Asks whether the transaction has changed something durable: a row with `written`. Undefined: the server cannot tell. */
  readonly written: string | undefined
}

/** What a dialect reads in the texts of statements. Each function takes linear time. */
export interface Reading {
  /** What a text asks for of transactions and of the connection; null where it asks for nothing of the kind. */
  control(text: string): Control | null
  /** What the first statement of a text asks for. */
  firstControl(text: string): Control | null
  /** What in a text is for the owner of the open transaction. */
  ownersControl(text: string): Control | null
  /** What in a text lets a read-only session write, in words to name it by; null where nothing does. */
  undoesReadOnly(text: string, values?: unknown): string | null
  /** The text without literals. */
  shown(text: string, parameters?: number): string
  /** What the text changes of the things for which its connection is kept; null for nearly all. */
  changesOfKept(text: string): KeptChange[] | null
}

/** What a statement begins or ends on its connection that outlives its transaction. */
export type KeptChange =
  | { readonly does: 'listen' | 'unlisten'; readonly name: string }
  | { readonly does: 'declare' | 'close'; readonly name: string }
  | { readonly does: 'lock' | 'try lock' | 'unlock' | 'unlock all' }
  | { readonly does: 'discard' }
