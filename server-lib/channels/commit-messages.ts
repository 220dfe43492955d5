import type { Site } from '../identity/site.ts'
import type { ErrorFacts } from './errors.ts'
import type {
  CommitMode,
  CommitOutcome,
  CommitStep,
  EngineOutcome,
  ParticipantRole,
  Recovery,
} from './words.ts'

/**
 * One `db.commit()` over all engines of a container, its steps on each engine, and what recovery did about transactions
 * left behind.
 */
export type CommitMessage =
  | {
      phase: 'start'
      at: number
      id: string
      request: string
      mode: CommitMode
      /** The key of the decision row and of each gid; null where no two-phase commit is made. */
      transaction: string | null
      participants: readonly CommitParticipant[]
      site: Site | null
    }
  | { phase: 'step started'; at: number; id: string; engine: string; step: CommitStep }
  | {
      phase: 'step ended'
      at: number
      id: string
      engine: string
      step: CommitStep
      durationMs: number
      /** The command tag of the server's answer, or null where there was none. */
      command: string | null
      error: ErrorFacts | null
    }
  | {
      phase: 'end'
      at: number
      id: string
      /** `partial` when some engines are committed and others are not, or cannot be known. */
      outcome: CommitOutcome
      engines: Readonly<Record<string, EngineOutcome>>
      durationMs: number
      error: ErrorFacts | null
    }
  | {
      /** Recovery has found a prepared transaction of this application that is not ended yet. */
      phase: 'in doubt'
      at: number
      engine: string
      gid: string
      transaction: string
      ageMs: number
      /** Why it is left alone for now. */
      reason: string
    }
  | {
      /** Recovery has ended a prepared transaction. */
      phase: 'recovered'
      at: number
      engine: string
      gid: string
      transaction: string
      ageMs: number
      outcome: Recovery
    }

export interface CommitParticipant {
  readonly engine: string
  readonly session: string
  readonly role: ParticipantRole
  /** The name under which it is prepared; null where it is not. */
  readonly gid: string | null
}
