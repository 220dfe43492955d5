import { channels } from '../channels/channels.ts'
import type { Discard, SessionState } from '../channels/words.ts'
import { takesPart } from '../engines/engine-config.ts'
import type { Engine } from '../engines/engine.ts'
import { EnginelightError, errorFacts } from '../channels/errors.ts'
import type { Isolation } from '../dialect/control.ts'
import { faultPoint } from '../identity/fault-points.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { Ending } from './ending.ts'
import type { HeldConnection } from './held-connection.ts'
import { begin } from './session-begin.ts'
import { commit, type CommitOptions } from './session-commit.ts'
import { messageIds } from './message-ids.ts'
import { toldAs } from './told-as.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { FailedStatement } from './failed-statement.ts'
import * as errors from './session-errors.ts'
import { after, type SessionMove } from './session-state.ts'
import { missingFor, ORDINARY, type TransactionKind } from './transaction-kind.ts'
import type { Writes } from './writes.ts'

/** A statement of the application, and the line that sent it. */
export interface Sent {
  readonly config: unknown
  readonly capture: SiteCapture | null
}

/** How long a rollback may take, before its connection is closed instead. */
const ROLLBACK_DEADLINE_MS = 5_000

/**
 * The life of a session: its state, the connection it holds, and its first failure. All state changes happen here; when
 * to send what is decided by the session.
 */
export class SessionLife {
  readonly id: string
  readonly engine: Engine
  readonly request: RequestScope
  #state: SessionState = 'idle'
  #held: HeldConnection | undefined
  #letGo: HeldConnection | undefined
  /** The first error of the transaction, or the one that took the connection: the cause of later errors. */
  #failure: Error | undefined
  /** The first statement of the transaction that failed. */
  #failedStatement: FailedStatement | undefined
  /** Whether the transaction changed something: by a command tag, or by `markChanged()`. */
  wrote = false
  /** What would be lost without a commit. Set by the first statement that writes or sets a savepoint. */
  writes: Writes | undefined
  /** The first known line of the transaction. */
  begunAt: SiteCapture | null = null
  /** Whether the transaction cannot be prepared, by a command tag. */
  unpreparable = false
  /** How many transactions the session has begun. */
  transactions = 0
  /** Whether any of them was committed, also by a COMMIT sent as text: that work cannot be taken back. */
  hasCommitted = false
  readonly #kind: TransactionKind

  constructor(id: string, engine: Engine, request: RequestScope, kind: TransactionKind) {
    this.id = id
    this.engine = engine
    this.request = request
    this.#kind = kind
  }

  get state(): SessionState {
    return this.#state
  }

  get held(): HeldConnection | undefined {
    return this.#held
  }

  take(held: HeldConnection): void {
    this.#held = held
  }

  move(move: SessionMove): void {
    const next = after(this.#state, move)
    if (!next) throw errors.illegalMove(this, this.#state, move)
    if (next === this.#state) return
    if (move === 'commit') this.hasCommitted = true
    this.#state = next
    // The end has a message of its own.
    if (next === 'ended' || !channels.session.hasSubscribers) return
    channels.session.publish({ phase: 'state', at: performance.now(), ...messageIds(this), state: next })
  }

  // ------------------------------------------------------------------------------ the transaction

  /** Opens the transaction; in autocommit, sends the read-only setting where it is needed. */
  begin(held: HeldConnection): Promise<void> {
    return begin(this, held)
  }

  get #ownKind(): TransactionKind {
    return takesPart(this.engine.options) ? this.#kind : ORDINARY
  }

  get isReadOnly(): boolean {
    return this.engine.options.access === 'read' || this.#ownKind.readOnly
  }

  get isolation(): Isolation | undefined {
    return this.#ownKind.isolation
  }

  /** Why the database cannot begin a transaction of the kind that is asked for; undefined where it can. */
  unsupported(): EnginelightError | undefined {
    const { dialect, options } = this.engine
    const what = options.rule.begins ? missingFor(this.#ownKind, dialect) : undefined
    return what === undefined ? undefined : errors.unsupported(this, what)
  }

  /** The statements that begin a transaction on the server. */
  beginTexts(): readonly string[] {
    const { isReadOnly: readOnly, isolation } = this
    return this.engine.dialect.texts.begin(this.engine.options, { readOnly, isolation })
  }

  /** Enters that BEGIN was answered. Returns an error when the connection was lost before, or in the very packet that says so. */
  begun(held: HeldConnection): EnginelightError | undefined {
    if (this.#held !== held) return this.#lostAtBegin('closed')
    this.#failure = undefined
    this.wrote = false
    this.writes = undefined
    this.unpreparable = false
    this.transactions++
    this.move('begin')
    return undefined
  }

  /** Discards the connection after a BEGIN that failed or was not answered. */
  beginFailed(held: HeldConnection, cause: unknown): EnginelightError {
    this.discard(held, 'BEGIN failed')
    return this.#lostAtBegin(cause)
  }

  #lostAtBegin(cause: unknown): EnginelightError {
    return errors.connectionLost(this, this.#failure ?? cause, 'before its first statement')
  }

  /** Publishes that the transaction is about to be ended. */
  announceEnd({ why, capture }: Ending): void {
    if (!channels.session.hasSubscribers || !this.engine.options.rule.begins) return
    const site = siteOf(capture)
    channels.session.publish({ phase: 'ending', at: performance.now(), ...messageIds(this), why, site })
  }

  /** The first error of the open transaction, or the one that took its connection. */
  get failure(): Error | undefined {
    return this.#failure
  }

  get firstFailure(): errors.FirstFailure {
    return { error: this.#failure, statement: this.#failure && this.#failedStatement }
  }

  commit(ending: Ending, options?: CommitOptions): Promise<void> {
    return commit(this, ending, options)
  }

  /** Rolls back what is open and releases the connection. Never rejects. */
  async rollback(move: 'rollback' | 'release', ending: Ending): Promise<void> {
    const held = this.#held
    if (held) this.announceEnd(ending)
    await this.rollBack(held, move)
  }

  /** The same without a message. */
  async rollBack(held: HeldConnection | undefined, move: 'rollback' | 'release'): Promise<void> {
    if (held && this.engine.options.rule.begins) {
      try {
        const rolledBack = held.control(this.engine.dialect.texts.rollback, ROLLBACK_DEADLINE_MS)
        faultPoint('rollback:sent', held.driver.raw)
        await rolledBack
        faultPoint('rollback:answered', held.driver.raw)
      } catch {
        // No transaction survives its connection, so it is rolled back all the same.
        this.discard(held, 'rollback failed')
      }
    }
    if (this.#state === 'ended') return
    this.move(move)
    this.giveBack()
  }

  // ------------------------------------------------------------------------------ answers and losses

  /** Follows the transaction status that the server reports. It is right for any text, such as a raw COMMIT or a ROLLBACK TO. */
  answered(held: HeldConnection, error: Error | null, command: string | null, statement: Sent): void {
    if (this.#held !== held) return
    const failure = error && held.driver.failureOn(error)
    if (error && this.#state !== 'failed') {
      const { config, capture } = statement
      this.#failedStatement = new FailedStatement(this.engine.dialect, config, capture)
    }
    // Before `held.answered()`: `lose` cancels only what still counts as executing.
    if (failure === 'connection') this.lose(held, error as Error)
    const hasFailed = failure === 'statement' && this.engine.dialect.errors.failsTransaction(error as Error)
    if (hasFailed) this.#failed(error as Error)
    held.answered()
    // Where no transaction has failed with the statement the server's status decides, as after an error of the driver.
    if (failure === 'connection' || hasFailed) return
    if (command !== null && this.engine.dialect.twoPhase?.unpreparable.has(command)) this.unpreparable = true
    if (!this.engine.options.rule.begins || this.#state === 'idle') return
    const { status } = held.driver
    if (status === 'none') {
      // The statement itself ended the transaction.
      this.move(command === 'COMMIT' ? 'commit' : 'rollback')
      this.giveBack()
    } else if (status === 'failed' && this.#state === 'active') {
      if (error) this.#failure ??= error
      this.move('fail')
    } else if (status === 'open' && this.#state === 'failed') {
      this.#failure = undefined
      this.move('recover')
    }
  }

  #failed(error: Error): void {
    if (!this.engine.options.rule.begins) return
    this.#failure ??= error
    if (this.#state === 'active') this.move('fail')
  }

  /** Discards a connection that is gone or in an unknown state, and records the loss. */
  lose(held: HeldConnection, error: Error): void {
    // A killed backend is reported as two errors, the coded one first, and as a third where a statement was running.
    if (this.#held !== held) return
    // Without an error from the server, it may not know yet and would run on and keep its locks. Only statements are
    // cancelled: a COMMIT had better run on. A borrowed connection stays with its host, where a late cancel could hit
    // the host's statement.
    const { errors: read } = this.engine.dialect
    if (read.codeOf(error) === undefined && held.isExecuting && !held.driver.borrowed) void held.cancel()
    this.discard(held, discardOf(error))
    this.#failure = read.isUnanswered(error) ? errors.unansweredStatement(this, error) : error
    // In autocommit each statement stands alone: the next one takes another connection.
    if (!this.engine.options.rule.begins && this.#state === 'active') this.move('release')
    else if (after(this.#state, 'lose')) this.move('lose')
  }

  discard(held: HeldConnection, reason: Discard): void {
    if (this.#held === held) this.#held = undefined
    held.discard(reason)
  }

  giveBack(): void {
    this.letGo()?.giveBack()
  }

  /** A step of a commit over many engines: makes the move unless the session was ended meanwhile. */
  follow(move: SessionMove): void {
    if (after(this.#state, move)) this.move(move)
  }

  /** Resolves when the last released connection is back in its pool; undefined when that was at once. */
  get returned(): Promise<void> | undefined {
    return this.#letGo?.returned
  }

  /** Gives up the connection; the caller releases it. */
  letGo(): HeldConnection | undefined {
    const held = this.#held
    this.#letGo = held ?? this.#letGo
    this.#held = undefined
    this.#failure = undefined
    return held
  }

  // ------------------------------------------------------------------------------ what is said of it

  /** A statement's error as the caller sees it: the server's own, unless the connection or an earlier failure is the reason. */
  tell(error: Error): Error {
    return toldAs(this, error)
  }

  /** The error for a move that is not possible now. */
  refusal(move: SessionMove): EnginelightError {
    return this.#state === 'lost' ? this.lostError() : errors.illegalMove(this, this.#state, move)
  }

  failedError(): EnginelightError {
    return errors.transactionFailed(this, this.firstFailure)
  }

  lostError(): EnginelightError {
    return errors.connectionLost(this, this.#failure, 'and its transaction with it; rollback() begins anew')
  }
}

/** The error's code where it looks like a code. */
function discardOf(error: Error): Discard {
  const { code } = errorFacts(error)
  return code !== null && isUpperCase(code) ? code : 'connection lost'
}

const isUpperCase = (text: string): text is Uppercase<string> => text === text.toUpperCase()
