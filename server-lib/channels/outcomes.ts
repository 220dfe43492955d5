import type { CommitMode, EngineOutcome } from './words.ts'

/** What `db.commit()` resolves to, and what its error holds as `report`. */
export interface CommitReport {
  readonly mode: CommitMode
  /** Each engine of the container that takes part in commits, by name. Independent engines are not in it. */
  readonly engines: Readonly<Record<string, EngineOutcome>>
  readonly durationMs: number
}
