/**
 * The outcome of a prepared transaction that recovery found. `gone`: it was ended elsewhere meanwhile. `young`: its
 * coordinator is most likely still working. `in doubt`: the decision is unknown, or no role here may end it; `reason`
 * says why.
 */
export type PreparedOutcome = 'committed' | 'rolled back' | 'gone' | 'young' | 'in doubt'

export interface PreparedReport {
  /** The engine whose database has it. */
  readonly engine: string
  readonly gid: string
  readonly transaction: string
  /** By the server's clock. */
  readonly ageMs: number
  /** With `dryRun`, what the outcome would have been. */
  readonly outcome: PreparedOutcome
  readonly reason: string | null
}

/** What one pass of recovery did. */
export interface RecoveryReport {
  readonly dryRun: boolean
  /** Each prepared transaction of this application, in the databases of these engines. */
  readonly prepared: readonly PreparedReport[]
  /** Engines that could not be checked, and why: transactions may be left there. */
  readonly problems: readonly { readonly engine: string; readonly reason: string }[]
  /** The number of old decisions deleted, which all participants had carried out. */
  readonly forgotten: number
  /** Whether no transaction of this application is left prepared, as far as these engines reach. */
  readonly isClear: boolean
}
