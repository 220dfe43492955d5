import { channels } from '../channels/channels.ts'
import type { Discard, SessionState } from '../channels/words.ts'
import { takesPart } from '../engines/engine-config.ts'
import type { Engine } from '../engines/engine.ts'
import { EnginelightError, errorFacts } from '../channels/errors.ts'
import { beginTexts, ROLLBACK, type Isolation } from '../postgres/control.ts'
import { failureOn, isReadTimeout, sqlstateOf } from '../postgres/sqlstate.ts'
import { statusOf } from '../postgres/transaction-status.ts'
import { faultPoint } from '../identity/fault-points.ts'
import { siteOf, type SiteCapture } from '../identity/site.ts'
import type { Ending } from './ending.ts'
import type { HeldConnection } from './held-connection.ts'
import { begin } from './session-begin.ts'
import { commit, type CommitOptions } from './session-commit.ts'
import { toldAs } from './told-as.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { FailedStatement } from './failed-statement.ts'
import * as errors from './session-errors.ts'
import { after, type SessionMove } from './session-state.ts'
import { ORDINARY, type TransactionKind } from './transaction-kind.ts'
import type { Writes } from './writes.ts'

/** A statement of the application, and the line that sent it. */
export interface Sent {
  readonly config: unknown
  readonly capture: SiteCapture | null
}

/** How long a rollback may take, before its connection is closed instead. */
const ROLLBACK_DEADLINE_MS = 5_000

/** Command tags of statements after which PostgreSQL refuses PREPARE TRANSACTION. pg_notify() and temporary tables show none. */
const UNPREPARABLE = new Set(['NOTIFY', 'LISTEN', 'UNLISTEN'])

/**
 * The life of a session: its state, the connection that it holds, and the first thing that went wrong. Everything that
 * moves it is here; when to send what is the session's business.
 */
export class SessionLife {
  readonly id: string
  readonly engine: Engine
  readonly request: RequestScope
  #state: SessionState = 'idle'
  #held: HeldConnection | undefined
  #letGo: HeldConnection | undefined
  /** The first error of the transaction, or the one that took the connection: the cause of those that follow. */
  #failure: Error | undefined
  /** Which statement of the transaction failed first. */
  #failedStatement: FailedStatement | undefined
  /** A statement of the transaction changed something, by its command tag or because somebody said so. */
  wrote = false
  /** What would be lost without a commit, from the first statement that has changed something or set a savepoint. */
  writes: Writes | undefined
  /** The first line that is known of the transaction. */
  begunAt: SiteCapture | null = null
  /** A statement of the transaction forbids PREPARE, by its command tag. */
  unpreparable = false
  /** How many transactions it has begun. */
  transactions = 0
  /** Whether one of them was committed, by whomever: what was done in it cannot be taken back. */
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

  get #ids() {
    return { id: this.id, engine: this.engine.name, request: this.request.id }
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
    channels.session.publish({ phase: 'state', at: performance.now(), ...this.#ids, state: next })
  }

  // ------------------------------------------------------------------------------ the transaction

  /** Opens the transaction, or in autocommit what stands for it. */
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

  /** What begins a transaction on the server. */
  beginTexts(): readonly string[] {
    return beginTexts(this.engine.options, { readOnly: this.isReadOnly, isolation: this.#ownKind.isolation })
  }

  /** BEGIN was answered. Returns why that is of no use: the connection was lost before, or in the very packet that says so. */
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

  /** BEGIN was not answered, or with an error: the connection is closed. */
  beginFailed(held: HeldConnection, cause: unknown): EnginelightError {
    this.discard(held, 'BEGIN failed')
    return this.#lostAtBegin(cause)
  }

  #lostAtBegin(cause: unknown): EnginelightError {
    return errors.connectionLost(this, this.#failure ?? cause, 'before its first statement')
  }

  /** The transaction's end is about to be asked for. */
  announceEnd({ why, capture }: Ending): void {
    if (!channels.session.hasSubscribers || !this.engine.options.rule.begins) return
    const site = siteOf(capture)
    channels.session.publish({ phase: 'ending', at: performance.now(), ...this.#ids, why, site })
  }

  /** The first error of the transaction that is open, or the one that took its connection. */
  get failure(): Error | undefined {
    return this.#failure
  }

  get firstFailure(): errors.FirstFailure {
    return { error: this.#failure, statement: this.#failure && this.#failedStatement }
  }

  commit(ending: Ending, options?: CommitOptions): Promise<void> {
    return commit(this, ending, options)
  }

  /** Rolls back what is open and gives the connection back. Never rejects. */
  async rollback(move: 'rollback' | 'release', ending: Ending): Promise<void> {
    const held = this.#held
    if (held) this.announceEnd(ending)
    await this.rollBack(held, move)
  }

  /** The same without a word of it. */
  async rollBack(held: HeldConnection | undefined, move: 'rollback' | 'release'): Promise<void> {
    if (held && this.engine.options.rule.begins) {
      try {
        const rolledBack = held.control(ROLLBACK, ROLLBACK_DEADLINE_MS)
        faultPoint('rollback:sent', held.driver)
        await rolledBack
        faultPoint('rollback:answered', held.driver)
      } catch {
        // Nothing of the transaction survives its connection, so it is rolled back all the same.
        this.discard(held, 'rollback failed')
      }
    }
    if (this.#state === 'ended') return
    this.move(move)
    this.giveBack()
  }

  // ------------------------------------------------------------------------------ answers and losses

  /** Follows the server's word on the transaction, which is right whatever text was sent (a raw COMMIT, a ROLLBACK TO). */
  answered(held: HeldConnection, error: Error | null, command: string | null, statement: Sent): void {
    if (this.#held !== held) return
    const failure = error && failureOn(held.driver, error)
    if (error && this.#state !== 'failed') {
      const { config, capture } = statement
      this.#failedStatement = new FailedStatement(config, capture)
    }
    // A failure first: what is lost under a statement is cancelled.
    if (failure === 'connection') this.lose(held, error as Error)
    else if (failure === 'statement') this.#failed(error as Error)
    held.answered()
    // What the driver found wrong has failed no transaction by itself: there the server's word is read.
    if (error && failure !== 'driver') return
    if (command !== null && UNPREPARABLE.has(command)) this.unpreparable = true
    if (!this.engine.options.rule.begins || this.#state === 'idle') return
    const status = statusOf(held.driver)
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

  /** The connection is gone, or nobody can tell in which state it is. */
  lose(held: HeldConnection, error: Error): void {
    // A killed backend comes as two errors, the coded one first, and as a third where a statement was running.
    if (this.#held !== held) return
    // The server did not say so: it may not know yet, and would run on and keep its locks. A COMMIT had better run on. A connection
    // of a host stays his, and the cancel could come late and hit a statement of his.
    if (sqlstateOf(error) === undefined && held.isExecuting && !held.driver.isBorrowed) void held.cancel()
    this.discard(held, discardOf(error))
    this.#failure = isReadTimeout(error) ? errors.unansweredStatement(this, error) : error
    // Each statement of an autocommit session is by itself: the next takes another connection.
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

  /** A step of a commit over many engines: `move` where the session has not been ended meanwhile. */
  follow(move: SessionMove): void {
    if (after(this.#state, move)) this.move(move)
  }

  /** Until the connection that was let go last has arrived where it goes. */
  get returned(): Promise<void> | undefined {
    return this.#letGo?.returned
  }

  /** Hands the connection over to whoever gives it back. */
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

  /** Why a move is not possible now. */
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

/** The error's code, where it is written as codes are. */
function discardOf(error: Error): Discard {
  const { code } = errorFacts(error)
  return code !== null && isUpperCase(code) ? code : 'connection lost'
}

const isUpperCase = (text: string): text is Uppercase<string> => text === text.toUpperCase()
