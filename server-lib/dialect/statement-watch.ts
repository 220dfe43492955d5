import type { DriverResult } from './result.ts'
import type { StatementFacts } from './statement.ts'
import type { TransactionStatus } from './transaction-status.ts'

/** A statement that was handed to the driver, and is told to observers. */
export interface ToldStatement {
  answered(error: Error | null, result: DriverResult | DriverResult[] | undefined): void
  /** `status` is given where the server has not reported it yet. */
  ended(
    error: Error | null,
    commands: (string | null)[],
    rows: number | null,
    status?: TransactionStatus,
  ): void
  /** The driver refused it before sending. */
  refused(error: unknown): void
}

/** Hears of every statement on one connection, whatever sends it. A dialect calls it from what its driver's users call. */
export interface StatementWatch {
  /** So many statements are about to be sent. False where they are told elsewhere, and go straight through. */
  sends(statements: number): boolean
  /** Whether the sender may have a callback or a reader in it, which has to run in the sender's async context. */
  readonly isApplications: boolean
  /** Whether somebody listens to statements now. */
  readonly isHeard: boolean
  /** Begins to tell of a statement. */
  tell(statement: StatementFacts): ToldStatement
  /** The same for a BEGIN that the next statement brings along. */
  tellOfBegin(text: string): ToldStatement
  /** Who is told that a statement of this text has succeeded; undefined for most texts. */
  noting(text: unknown): ((result: DriverResult | DriverResult[] | undefined) => void) | undefined
  /** Nothing is told of this statement. */
  passOver(): void
}
