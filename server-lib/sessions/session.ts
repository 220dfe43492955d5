import { channels } from '../channels.ts'
import type { Engine } from '../engines/engine.ts'
import { EnginelightError, errorFacts } from '../errors.ts'
import { nextId } from '../identity/ids.ts'
import type { SiteCapture } from '../identity/site.ts'
import {
  beginText,
  COMMIT,
  READ_ONLY_SESSION,
  RESET_READ_ONLY_SESSION,
  ROLLBACK,
} from '../postgres/control.ts'
import { commandOf, type DriverCallback, type DriverResult, type Submittable } from '../postgres/driver.ts'
import { failureOf, sqlstateOf } from '../postgres/sqlstate.ts'
import { onSubmittableEnd } from '../postgres/submittable.ts'
import { takeCleanLease } from './clean-lease.ts'
import { Fifo } from './fifo.ts'
import { HeldConnection, type SessionIdentity } from './held-connection.ts'
import { rememberRows } from './row-sessions.ts'
import type { RequestScope } from './request-scope.ts'
import * as errors from './session-errors.ts'
import { after, type SessionMove, type SessionState } from './session-state.ts'
import { startStatementDeadline } from './statement-deadline.ts'

/** What a session needs of the container that it belongs to. */
export interface SessionOwner {
  readonly scope: RequestScope
  readonly signal: AbortSignal
  /** A statement of the session changed something. */
  wrote(session: SessionCore): void
}

/** One statement on its way: what is sent, when it was asked for, and from which line. */
interface Statement {
  readonly config: unknown
  readonly askedAt: number
  /** How long it stood behind other statements of the session, set when its turn comes. */
  queuedMs: number
  readonly capture: SiteCapture | null
  /** Whether BEGIN may travel with it. */
  readonly takesBegin: boolean
}

/** How long a rollback may take when a session ends, before its connection is closed instead. */
const ROLLBACK_DEADLINE_MS = 5_000
/** How long a cancelled statement may take to answer, before its connection is closed under it. */
const CANCEL_DEADLINE_MS = 1_000

/** One unit of work on one engine. It takes a connection at its first statement and holds at most one. */
export class SessionCore {
  readonly id = nextId('s')
  readonly engine: Engine
  readonly #owner: SessionOwner
  readonly #fifo = new Fifo()
  #state: SessionState = 'idle'
  #held: HeldConnection | undefined
  /** The first error of the transaction, or the one that took the connection: the cause of those that follow. */
  #failure: Error | undefined
  /** Set as the session begins to end; from then on every use is refused. */
  #ending: Promise<boolean> | undefined
  #statements = 0

  constructor(engine: Engine, owner: SessionOwner) {
    engine.requireOpen()
    this.engine = engine
    this.#owner = owner
    if (channels.session.hasSubscribers) {
      const { mode } = engine.options
      channels.session.publish({ phase: 'start', at: performance.now(), ...this.#ids, mode })
    }
  }

  get state(): SessionState {
    return this.#state
  }

  get request(): RequestScope {
    return this.#owner.scope
  }

  get identity(): SessionIdentity | undefined {
    return this.#held?.identity
  }

  /** Whether the line of the next statement is worth its price: it will take a connection, or somebody listens. */
  get wantsSite(): boolean {
    return this.#held === undefined || channels.statement.hasSubscribers
  }

  get #ids() {
    return { id: this.id, engine: this.engine.name, request: this.request.id }
  }

  // ------------------------------------------------------------------------------------- statements

  /** Sends one statement in its turn; the first one takes a connection and begins a transaction. */
  send(config: unknown, callback: DriverCallback, capture: SiteCapture | null, reads = false): void {
    if (this.#ending) return callback(errors.sessionEnded(this))
    const takesBegin = reads && this.engine.options.pipeline
    const statement: Statement = { config, capture, askedAt: performance.now(), queuedMs: 0, takesBegin }
    this.#fifo.push({
      refuse: callback,
      start: done => {
        const finish: DriverCallback = (error, result) => {
          try {
            callback(error, result)
          } finally {
            this.#giveBackBetweenStatements()
            done()
          }
        }
        this.#withConnection(statement, held => this.#run(held, statement, finish), finish)
      },
    })
  }

  /** The same as a promise. Rejects with the driver's error, or with ours where the session is the reason. */
  query(config: unknown, capture: SiteCapture | null): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      this.send(config, (error, result) => (error ? reject(error) : resolve(result as DriverResult)), capture)
    })
  }

  /** Runs a cursor or stream in its turn, which lasts until it is closed. */
  submit(submittable: Submittable, capture: SiteCapture | null): void {
    const refuse = (error: Error) => {
      if (submittable.destroy) submittable.destroy(error)
      else submittable.handleError?.(error)
    }
    if (this.#ending) return refuse(errors.sessionEnded(this))
    const statement: Statement = {
      config: submittable,
      capture,
      askedAt: performance.now(),
      queuedMs: 0,
      takesBegin: false,
    }
    this.#fifo.push({
      refuse,
      start: done => {
        // Nobody reads it any more: there is no reason to trouble the server.
        if (submittable.destroyed) return done()
        const send = (held: HeldConnection) => {
          this.#statements++
          held.announce(statement.queuedMs, capture)
          onSubmittableEnd(submittable, ({ error, command }) => {
            this.#answered(held, error, command)
            this.#giveBackBetweenStatements()
            done()
          })
          held.driver.query(submittable)
        }
        this.#withConnection(statement, send, error => {
          refuse(error)
          done()
        })
      },
    })
  }

  #withConnection(
    statement: Statement,
    use: (held: HeldConnection) => void,
    refuse: (error: Error) => void,
  ): void {
    statement.queuedMs = performance.now() - statement.askedAt
    if (this.#state === 'lost') return refuse(this.#lostError())
    if (this.#state === 'ended') return refuse(errors.sessionEnded(this))
    // In a failed transaction too: a ROLLBACK TO SAVEPOINT is welcome, and the server refuses all else.
    if (this.#held && this.#state !== 'idle') return use(this.#held)
    this.#take(statement.capture)
      .then(held => {
        if (statement.takesBegin && 'pipeline' in held.driver) return this.#runWithBegin(held, use)
        return this.#begin(held).then(() => use(held))
      })
      .catch(refuse)
  }

  async #take(capture: SiteCapture | null): Promise<HeldConnection> {
    const asker = () => ({ session: this.id, request: this.request, capture })
    const lease = await takeCleanLease(this.engine, asker, this.#owner.signal)
    if (this.#state === 'ended') {
      lease.hold.release()
      throw errors.sessionEnded(this)
    }
    const held: HeldConnection = new HeldConnection(this.engine, lease, error => this.#lose(held, error))
    this.#held = held
    return held
  }

  async #begin(held: HeldConnection): Promise<void> {
    const { options, owned } = this.engine
    try {
      if (options.mode === 'transaction')
        await held.control(beginText({ readOnly: options.access === 'read', ...options }))
      // On a pool of our own the setting was made as the connection was opened.
      else if (options.access === 'read' && !owned) await held.control(READ_ONLY_SESSION)
    } catch (cause) {
      this.#discard(held, 'BEGIN failed')
      throw errors.connectionLost(this, this.#failure ?? cause, 'before its first statement')
    }
    this.#failure = undefined
    this.#move('begin')
  }

  /**
   * BEGIN and a reading statement in one round trip: the statement is written before BEGIN has been answered. Should
   * BEGIN fail, the statement runs by itself, which is why it must be a read.
   */
  #runWithBegin(held: HeldConnection, use: (held: HeldConnection) => void): Promise<void> {
    held.driver.pipeline = true
    const begun = this.#begin(held)
    use(held)
    // Both are written. pg goes on in its plain way as soon as nothing is under way, as a cursor needs.
    held.driver.once('drain', () => void (held.driver.pipeline = false))
    return begun
  }

  #run(held: HeldConnection, { config, queuedMs, capture }: Statement, callback: DriverCallback): void {
    this.#statements++
    held.announce(queuedMs, capture)
    const { statementTimeoutMs, traceRows } = this.engine.options
    let over = false
    const answer: DriverCallback = (error, result) => {
      if (over) return
      over = true
      deadline?.stop()
      this.#answered(held, error ?? null, commandOf(result))
      if (error) return callback(this.#tell(error))
      if (traceRows) rememberRows(result, this)
      callback(null, result)
    }
    const deadline =
      statementTimeoutMs === undefined
        ? undefined
        : startStatementDeadline(this.engine, statementTimeoutMs, error => {
            void held.cancel()
            this.#lose(held, error)
            answer(error)
          })
    // With a callback: pg's promise would capture a stack of its own for each error.
    held.driver.query(config, answer)
  }

  /** Follows the server's status byte, which is right whatever text was sent (a raw COMMIT, a ROLLBACK TO). */
  #answered(held: HeldConnection, error: Error | null, command: string | null): void {
    if (this.#held !== held) return
    held.answered()
    if (error) return this.#failed(held, error)
    if (command && CHANGING.has(command)) this.#owner.wrote(this)
    if (this.engine.options.mode !== 'transaction' || this.#state === 'idle') return
    const status = held.driver.getTransactionStatus?.()
    if (status === 'I') {
      // The statement itself ended the transaction.
      this.#move(command === 'COMMIT' ? 'commit' : 'rollback')
      this.#giveBack()
    } else if (status === 'E' && this.#state === 'active') {
      this.#move('fail')
    } else if (status === 'T' && this.#state === 'failed') {
      this.#failure = undefined
      this.#move('recover')
    }
  }

  #failed(held: HeldConnection, error: Error): void {
    if (failureOf(error) === 'connection') return this.#lose(held, error)
    if (this.engine.options.mode !== 'transaction') return
    this.#failure ??= error
    if (this.#state === 'active') this.#move('fail')
  }

  /** A statement's error as the caller sees it: the server's own, unless the session or its connection is the reason. */
  #tell(error: Error): Error {
    if (error instanceof EnginelightError) return error
    if (this.#ending) return errors.sessionEnded(this, error)
    const first = this.#failure
    if (failureOf(error) === 'connection')
      return errors.connectionLost(this, first ?? error, 'while a statement ran')
    if (sqlstateOf(error) === '25P02' && first && first !== error)
      return errors.transactionFailed(this, first)
    return error
  }

  // ----------------------------------------------------------------------------- transaction control

  /**
   * Commits and gives the connection back. Throws EL_COMMIT_ROLLED_BACK when the server answered with ROLLBACK,
   * EL_COMMIT_FAILED when COMMIT itself failed, EL_COMMIT_UNKNOWN when the connection went away before the answer.
   */
  commit(): Promise<void> {
    return this.#turn('commit', async () => {
      const held = this.#held
      if (this.#state === 'idle' || !held) return
      const failure = this.#failure
      if (this.#state === 'failed') {
        await this.#endTransaction('rollback')
        throw errors.commitRolledBack(this, failure)
      }
      let result: DriverResult
      try {
        result = await held.control(COMMIT)
      } catch (cause) {
        throw this.#commitFailed(held, cause as Error)
      }
      const committed = commandOf(result) === 'COMMIT'
      this.#move(committed ? 'commit' : 'rollback')
      this.#giveBack()
      if (!committed) throw errors.commitRolledBack(this, failure)
    })
  }

  #commitFailed(held: HeldConnection, cause: Error): EnginelightError {
    if (failureOf(cause) === 'connection') {
      this.#lose(held, cause)
      return errors.commitUnknown(this, this.#failure ?? cause)
    }
    this.#move('rollback')
    this.#giveBack()
    return errors.commitFailed(this, cause)
  }

  /** Rolls back and gives the connection back. Also what is left to do when the connection was lost. */
  rollback(): Promise<void> {
    return this.#turn('rollback', () => this.#endTransaction('rollback'))
  }

  /** Gives the connection back before the request ends. What is uncommitted is rolled back. */
  release(): Promise<void> {
    return this.#turn('release', () => this.#endTransaction('release'))
  }

  async #endTransaction(move: 'rollback' | 'release'): Promise<void> {
    const held = this.#held
    if (held && this.engine.options.mode === 'transaction') {
      try {
        await held.control(ROLLBACK, ROLLBACK_DEADLINE_MS)
      } catch {
        // Nothing of the transaction survives its connection, so it is rolled back all the same.
        this.#discard(held, 'rollback failed')
      }
    }
    if (this.#state === 'ended') return
    this.#failure = undefined
    this.#move(move)
    this.#giveBack()
  }

  /** Waits for its turn in the session's queue and holds it until `work` is done. */
  #turn(move: SessionMove, work: () => Promise<void>): Promise<void> {
    if (this.#ending) return Promise.reject(errors.sessionEnded(this))
    return new Promise((resolve, reject) => {
      this.#fifo.push({
        refuse: reject,
        start: done => {
          if (after(this.#state, move)) return void work().then(resolve, reject).finally(done)
          reject(this.#state === 'lost' ? this.#lostError() : errors.illegalMove(this, this.#state, move))
          done()
        },
      })
    })
  }

  requireTransactions(what: string): void {
    if (this.engine.options.mode !== 'transaction') throw errors.needsTransaction(this, what)
  }

  // ------------------------------------------------------------------------------------- the end

  /**
   * Ends the session: what runs may finish within `graceMs`, then is cancelled on the server; what is uncommitted
   * is rolled back; the connection goes back, or is closed where it cannot be trusted. Idempotent, never rejects.
   * Resolves to whether the connection is confirmed released.
   */
  end(graceMs: number): Promise<boolean> {
    return (this.#ending ??= this.#end(graceMs))
  }

  async #end(graceMs: number): Promise<boolean> {
    if (this.#fifo.busy && graceMs > 0) await settled(this.#fifo.whenIdle(), graceMs)
    if (this.#fifo.waiting > 0) this.#fifo.refuseWaiting(errors.sessionEnded(this))
    if (this.#fifo.busy) await this.#cutShort()
    if (this.#held) await this.#endTransaction('release')
    const released = this.#held === undefined
    // No `state` message of its own: the `end` says it.
    this.#state = 'ended'
    if (channels.session.hasSubscribers) {
      const statements = this.#statements
      channels.session.publish({ phase: 'end', at: performance.now(), ...this.#ids, released, statements })
    }
    return released
  }

  /** A statement still runs: it is cancelled, and its connection closed, since the cancel could hit a later one. */
  async #cutShort(): Promise<void> {
    const held = this.#held
    await held?.cancel()
    await settled(this.#fifo.whenIdle(), CANCEL_DEADLINE_MS)
    if (held && this.#held === held) this.#discard(held, 'cancelled')
  }

  /** The connection may still be busy with a statement that its caller gave up: it must not be used again. */
  doubt(reason: unknown): void {
    const held = this.#held
    if (!held) return
    void held.cancel()
    this.#lose(held, reason instanceof Error ? reason : new Error(String(reason)))
  }

  #lose(held: HeldConnection, error: Error): void {
    // A killed backend comes as two errors, the coded one first, and as a third where a statement was running.
    if (this.#held !== held) return
    this.#discard(held, errorFacts(error).code ?? 'connection lost')
    this.#failure = error
    // Each statement of an autocommit session is by itself: the next takes another connection.
    if (this.engine.options.mode === 'autocommit' && this.#state === 'active') this.#move('release')
    else if (after(this.#state, 'lose')) this.#move('lose')
  }

  #discard(held: HeldConnection, reason: string): void {
    if (this.#held === held) this.#held = undefined
    held.discard(reason)
  }

  #giveBack(): void {
    const held = this.#held
    this.#held = undefined
    this.#failure = undefined
    held?.giveBack()
  }

  /** In autocommit a connection is held for the statement alone, or for those that wait behind it. */
  #giveBackBetweenStatements(): void {
    const { options, owned } = this.engine
    const held = this.#held
    if (options.mode !== 'autocommit' || !held || this.#state !== 'active' || this.#fifo.waiting > 0) return
    this.#move('release')
    this.#held = undefined
    if (options.access !== 'read' || owned) return held.giveBack()
    held.control(RESET_READ_ONLY_SESSION).then(
      () => held.giveBack(),
      () => held.discard('reset failed'),
    )
  }

  #move(move: SessionMove): void {
    const next = after(this.#state, move)
    if (!next) throw errors.illegalMove(this, this.#state, move)
    if (next === this.#state) return
    this.#state = next
    if (channels.session.hasSubscribers) {
      channels.session.publish({ phase: 'state', at: performance.now(), ...this.#ids, state: next })
    }
  }

  #lostError(): EnginelightError {
    return errors.connectionLost(this, this.#failure, 'and its transaction with it; rollback() begins anew')
  }
}

/** Command tags of statements that change data or schema. A SELECT that writes (a CTE, a function) shows no mark. */
const CHANGING = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'COPY',
  'TRUNCATE',
  'CREATE',
  'ALTER',
  'DROP',
  'CALL',
])

/** Waits, but not longer than this. */
function settled(promise: Promise<void>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => void (timer = setTimeout(resolve, deadlineMs)))
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
