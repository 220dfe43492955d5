/**
 * What became of a prepared transaction that recovery met. `gone`: somebody else has ended it meanwhile. `young`: its
 * coordinator is most likely at work. `in doubt`: nobody can tell, or nobody here may end it; `reason` says why.
 */
export type PreparedOutcome = 'committed' | 'rolled back' | 'gone' | 'young' | 'in doubt'

export interface PreparedReport {
  /** The engine in whose database it is. */
  readonly engine: string
  readonly gid: string
  readonly transaction: string
  /** By the server's clock. */
  readonly ageMs: number
  /** With `dryRun` what would have become of it. */
  readonly outcome: PreparedOutcome
  readonly reason: string | null
}

/** What one pass of recovery did. */
export interface RecoveryReport {
  readonly dryRun: boolean
  /** Each prepared transaction of this application, in the databases of these engines. */
  readonly prepared: readonly PreparedReport[]
  /** Engines that could not be looked at, and why: something may be left there. */
  readonly problems: readonly { readonly engine: string; readonly reason: string }[]
  /** How many old decisions were deleted, which everybody had carried out. */
  readonly forgotten: number
  /** Nothing of this application is left prepared, as far as these engines reach. */
  readonly isClear: boolean
}
