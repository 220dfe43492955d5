import type { CommitMode, EngineOutcome } from './words.ts'

/** What `db.commit()` resolves to, and what its error has as `report`. */
export interface CommitReport {
  readonly mode: CommitMode
  /** The outcome of each engine of the container that takes part in commits, by name. Independent engines are not included. */
  readonly engines: Readonly<Record<string, EngineOutcome>>
  readonly durationMs: number
}
