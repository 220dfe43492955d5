import type { Language } from './language.ts'
import type { StatementWatch } from './statement-watch.ts'
import type { Failure } from './errors.ts'
import type { DriverCallback } from './result.ts'
import type { Enclosure, TextAndValues } from './statement.ts'
import type { DriverStream } from './stream.ts'
import type { TransactionStatus } from './transaction-status.ts'

/** Told once: null when the server has begun the transaction, else why it has not. */
export type Begun = (error: Error | null) => void

/** What begins a transaction, one statement after the other, and who is told when the last of them is answered. */
export interface Beginning {
  readonly texts: readonly string[]
  readonly begun: Begun
}

/** A physical connection, as we speak to it. There is one for each connection of a driver, for as long as that exists. */
export interface DriverConnection {
  readonly dialect: Language
  /** What the driver gives its own users. */
  readonly raw: object
  /** The server's own number for it, such as the process id of a backend; null where it has none. */
  readonly serverId: number | null
  /** What is known of a host's connection; undefined for one that the pool has opened. */
  readonly borrowed: BorrowedConnection | undefined

  /** The server's last word on its transaction. */
  readonly status: TransactionStatus
  /** Whether the status can be known at all. */
  readonly canTellStatus: boolean
  /** Whether the server has answered everything. After an error this becomes true later than the error is told. */
  readonly isReady: boolean
  /** Whether nothing can be sent on it any more, as far as can be seen without asking the server. */
  readonly isClosed: boolean
  /** Whether a stream may be sent on it, and the driver survives a statement that it refuses. */
  readonly takesStreams: boolean

  /** Sends a statement. Throws what the driver throws for one that it cannot use; then nothing was sent. */
  send(statement: unknown, answer: DriverCallback): void
  /** Sends a cursor or stream, which reads its answer by itself. */
  stream(stream: DriverStream): void
  /** Whether the statement can bring its BEGIN along, in one packet. `isSingle`: it is known to be one statement. */
  canBringBegin(statement: unknown, isSingle: boolean): statement is TextAndValues
  /** Sends a statement together with its BEGIN. Only where `canBringBegin`. */
  sendWithBegin(statement: TextAndValues, beginning: Beginning, answer: DriverCallback): void
  /**
   * What to send in place of a call of its users, so that the enclosure goes in the same packet and is kept or failed with
   * it; undefined where that is not possible, and one goes after the other.
   */
  enclosed(args: unknown[], enclosure: Enclosure, answer: DriverCallback): object | undefined
  /** Has the driver write one statement at a time. The returned function restores the setting. */
  oneByOne(): () => void

  /** Calls once when the server has answered everything (true), or the connection is gone before (false). */
  onReady(ready: (isOpen: boolean) => void): () => void
  /**
   * Calls when the status is known: at once as nearly always, else after `send` has sent a question that the server
   * answers in any state. Where it cannot be known, or the question fails, it is still unknown then.
   */
  whenStatusKnown(then: () => void, send: (text: string, answered: () => void) => unknown): void
  /** Keeps the status from now on, where the driver does not keep it by itself. The returned function ends that. */
  followStatus(): () => void
  /** Calls when the server says that the next transactions may write, or may not. Undefined where it never says so. */
  onWritable(told: (isWritable: boolean) => void): (() => void) | undefined
  on(event: 'error', listener: (error: Error) => void): void
  on(event: 'end', listener: () => void): void
  off(event: 'error' | 'end', listener: (...args: any[]) => void): void

  /** Tells the watch of every statement on it. The returned function ends it. */
  watchStatements(watch: StatementWatch): () => void
  /**
   * Runs its listeners in the async context of their registration. `isOwn`: it was opened in our context, and not in that
   * of the caller that needed it first. The returned function ends it.
   */
  bindListeners(isOurs: () => boolean, isOwn: boolean): () => void
  /** What an error of a statement on it means for it. */
  failureOn(error: Error): Failure | 'driver'
  /** What has come and gone so far, in a form that differs after each byte; undefined where that is not known. */
  traffic(): string | undefined
  /**
   * Asks the server to cancel what runs. The connection must not be used again, because the cancel may arrive late.
   * Resolves when the request was taken, or cannot be delivered, or `over` is; never rejects. `cancelling` is told of each
   * request, and returns whether the statement that it is meant for still runs.
   */
  cancel(over?: Promise<void>, cancelling?: (asked: Promise<void>) => () => boolean): Promise<void>
  /** The server has forgotten its prepared statements. */
  forgetPrepared(): void
  /** Says goodbye. */
  end(): void
  /** Sees to it that the goodbye, which the pool says, ends within this time: over a silent network it never would. */
  endWithin(ms: number): void
  /** Destroys its socket. */
  cut(): void
}

/** What is known of a host's connection while it is lent. */
export interface BorrowedConnection {
  /** Whether a savepoint of its borrower is open. */
  readonly isInUnit: boolean
  /** Which other connection the host has for the caller of this statement, if it has one. */
  elsewhere(statement: unknown): Promise<{ readonly processID?: number | null } | undefined> | undefined
}

/** The same as `onReady`, at once where everything is answered, or nothing will be. */
export function whenReady(driver: DriverConnection, then: (isOpen: boolean) => void): void {
  if (driver.isClosed) then(false)
  else if (driver.isReady) then(true)
  else driver.onReady(then)
}
