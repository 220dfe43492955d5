import { channels } from '../channels/channels.ts'
import type { EndReason, SessionState } from '../channels/words.ts'
import { takesPart } from '../engines/engine-config.ts'
import type { Engine } from '../engines/engine.ts'
import { isDevelopment } from '../identity/development.ts'
import { nextId } from '../identity/ids.ts'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import type { Isolation } from '../dialect/control.ts'
import type { DriverCallback, DriverResult } from '../dialect/result.ts'
import { refuseStream, type DriverStream } from '../dialect/stream.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { Fifo } from './fifo.ts'
import type { SessionIdentity } from './held-connection.ts'
import { messageIds } from './message-ids.ts'
import { SessionEnd } from './session-end.ts'
import * as errors from './session-errors.ts'
import type { Ending } from './ending.ts'
import { SessionLife } from './session-life.ts'
import type { SessionOwner } from './session-owner.ts'
import { HERE, SessionQueue, type Where } from './session-queue.ts'
import { TransactionTurns, type SessionSeat } from './transaction-turns.ts'
import { forgiveErrors, StatementSender } from './statement-sender.ts'
import { asked, type Asked } from './statement.ts'
import { unitIsOpen, unitUndone } from './units/unit-errors.ts'
import type { Unit, UnitQueue, UnitSession } from './units/unit.ts'
import { mayWrite, Writes, type FirstWrite } from './writes.ts'

/** Sends through a queue that the caller already holds. */
export interface Sending {
  query(config: unknown, capture: SiteCapture | null): Promise<DriverResult>
  /** Resolves when the cursor or stream is closed, after an error too. */
  submit(submittable: DriverStream, capture: SiteCapture | null): Promise<void>
}

/** A cursor or stream that a session is asked to run. */
export interface AskedStream {
  readonly stream: DriverStream
  readonly capture: SiteCapture | null
  /** The stream that it is piped into. */
  readonly outlet?: object | undefined
  readonly where?: Where | undefined
}

/**
 * One unit of work on one engine. It takes a connection at its first statement and holds at most one. The file is long
 * because it has every entry point of a session; the work is done in the files that it imports.
 */
export class SessionCore implements UnitSession {
  readonly id = nextId('s')
  readonly engine: Engine
  readonly owner: SessionOwner
  readonly #life: SessionLife
  readonly #queue = new SessionQueue(this)
  readonly #sender: StatementSender
  readonly #turns: TransactionTurns
  readonly #end: SessionEnd
  /** The line of the last knex.transaction(), which looks like a commit but is only a savepoint. */
  knexTransaction: SiteCapture | undefined

  constructor(engine: Engine, owner: SessionOwner) {
    engine.requireOpen()
    this.engine = engine
    this.owner = owner
    this.#life = new SessionLife(this.id, engine, owner.scope, owner.kind)
    this.#sender = new StatementSender(this, this.#life, this.#queue)
    this.#turns = new TransactionTurns(this, this.#life, this.#queue)
    this.#end = new SessionEnd(this, this.#life, this.#queue, this.#sender)
    if (channels.session.hasSubscribers) {
      const { mode } = engine.options
      channels.session.publish({ phase: 'start', at: performance.now(), ...messageIds(this), mode })
    }
  }

  get state(): SessionState {
    return this.#life.state
  }

  get request(): RequestScope {
    return this.owner.scope
  }

  get identity(): SessionIdentity | undefined {
    return this.#life.held?.identity
  }

  /** Whether it takes part in the commits of its container. */
  get takesPart(): boolean {
    return takesPart(this.engine.options)
  }

  /** The queue of statements that belong to no unit. */
  get root(): UnitQueue {
    return this.#queue
  }

  /** The driver's own connection that the session holds now. */
  get rawConnection(): object | undefined {
    return this.#life.held?.driver.raw
  }

  /**
   * Whether the next statement's line is worth capturing: the statement takes a connection, it may wait, or an observer
   * reads lines.
   */
  get wantsSite(): boolean {
    if (this.owner.units?.areOpen || sitesAreWanted() || isDevelopment()) return true
    const { held, begunAt } = this.#life
    return (!held || !begunAt) && this.engine.takesLine
  }

  // ------------------------------------------------------------------------------------- statements

  /** Sends one statement in its turn. The first one takes a connection and begins a transaction. */
  send(given: Asked, callback: DriverCallback): void {
    const refusal = this.callRefused()
    if (refusal) return callback(refusal)
    const statement = asked(this.engine.dialect, given)
    this.#queue.lineUp(given.where ?? HERE, given.capture, {
      refuse: callback,
      start: done =>
        this.#sender.send(statement, (error, result) => {
          try {
            callback(error, result)
          } finally {
            this.#sender.giveBackBetweenStatements()
            done()
          }
        }),
    })
  }

  /** The same as a promise. Rejects with the driver's error, or with ours where the session is the reason. */
  query(config: unknown, capture: SiteCapture | null, where?: Where): Promise<DriverResult> {
    return this.#promised({ config, capture, where })
  }

  /** Sends a single statement of our own through a queue that the caller holds. */
  queryIn(queue: UnitQueue, text: string, capture: SiteCapture | null): Promise<DriverResult> {
    return this.#promised({ config: text, capture, isSingle: true, where: { queue } })
  }

  #promised(given: Asked): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      const callback: DriverCallback = (error, result) =>
        error ? reject(error) : resolve(result as DriverResult)
      this.send(given, callback)
    })
  }

  /**
   * Holds the session's queue while `work` sends its statements, so that no other statement comes between them. Settles
   * as `work` does. Rejects with EL_ENDED, without calling it, when the session ends before its turn.
   */
  together<T>(
    work: (sending: Sending) => Promise<T>,
    where: Where = HERE,
    capture: SiteCapture | null = null,
  ): Promise<T> {
    const refusal = this.callRefused()
    if (refusal) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      this.#queue.lineUp(where, capture, {
        refuse: reject,
        start: done => {
          const queue: UnitQueue = new Fifo()
          const sending: Sending = {
            query: (config, capture) => this.query(config, capture, { queue }),
            submit: (submittable, capture) => {
              this.submit({ stream: submittable, capture, where: { queue } })
              return queue.whenIdle()
            },
          }
          work(sending).then(resolve, reject).finally(done)
        },
      })
    })
  }

  /** Runs a cursor or stream in its turn, which lasts until it is closed. */
  submit({ stream: submittable, capture, outlet, where = HERE }: AskedStream): void {
    const refusal = this.callRefused()
    const refuse = (error: Error) => {
      if (this.isEnding || refusal) forgiveErrors(submittable, outlet)
      refuseStream(submittable, error)
    }
    if (refusal) return refuse(refusal)
    this.engine.dialect.streams.bind(submittable)
    const statement = asked(this.engine.dialect, { config: submittable, capture })
    this.#queue.lineUp(where, capture, {
      refuse,
      start: done => {
        // Destroyed while it waited: the server need not run it.
        if (submittable.destroyed) done()
        else this.#sender.stream(submittable, statement, outlet, refuse, done)
      },
    })
  }

  /** Discards the connection: it may still be busy with a statement that its caller gave up. */
  doubt(reason: unknown): void {
    this.#sender.doubt(reason)
  }

  // ----------------------------------------------------------------------------- transaction control

  /**
   * Commits and releases the connection. Throws EL_COMMIT_ROLLED_BACK when the server answered with ROLLBACK,
   * EL_COMMIT_FAILED when COMMIT itself failed, EL_COMMIT_UNKNOWN when the connection was lost before the answer.
   */
  commit(capture: SiteCapture | null = null): Promise<void> {
    return this.#turns.commit(capture)
  }

  /** Rolls back and releases the connection, and undoes open units. Also acknowledges the loss of a connection. */
  rollback(ending: Ending = { why: 'rollback' }): Promise<void> {
    return this.#turns.rollback(ending)
  }

  /** The same through a queue that the caller holds. */
  rollbackIn(queue: UnitQueue, capture: SiteCapture | null): Promise<void> {
    return this.#turns.rollbackIn(queue, { why: 'rollback', capture })
  }

  /** Releases the connection before the request ends. Uncommitted work is rolled back. */
  release(capture: SiteCapture | null = null): Promise<void> {
    return this.#turns.release({ why: 'release', capture })
  }

  /**
   * Takes the session's queue when its turn comes, so that no statement of the application comes between the steps of a
   * commit. The session's end waits for it, as for a COMMIT. Rejects when the session ends before its turn.
   */
  enter(): SessionSeat | Promise<SessionSeat> {
    return this.#turns.enter()
  }

  /** The error for statements from the context of a unit that was undone. */
  undone(unit: Unit): Error {
    return unitUndone(unit, this)
  }

  /** Whether its statements may only read. */
  get onlyReads(): boolean {
    return this.#life.isReadOnly
  }

  /** The isolation level of its transactions; undefined means the server's default. */
  get isolation(): Isolation | undefined {
    return this.#life.isolation
  }

  /** Whether a transaction is open, or has failed or lost its connection and was not rolled back yet. */
  get isInTransaction(): boolean {
    const { state } = this.#life
    return this.engine.options.rule.begins && state !== 'idle' && state !== 'ended'
  }

  /** The number of the current or last transaction, from 1. */
  get transaction(): number {
    return this.#life.transactions
  }

  /** Whether it has committed a transaction that may have changed something. */
  get hasCommitted(): boolean {
    return this.#life.hasCommitted && this.engine.options.access !== 'read'
  }

  /** Whether a transaction is open in which a statement reported a change. */
  get hasWritten(): boolean {
    return this.isInTransaction && this.#life.wrote
  }

  /** Whether a text's line is worth capturing, because it may be the transaction's first write. */
  wantsWriteOf(text: unknown): boolean {
    return this.engine.options.rule.begins && !this.#life.writes?.first && mayWrite(this.engine.dialect, text)
  }

  /** The first write of the open transaction that is not undone and would be lost without a commit. */
  get uncommitted(): FirstWrite | undefined {
    return this.isInTransaction ? this.#life.writes?.first : undefined
  }

  /** Whether the open transaction has changed something. Asks the server where no statement has reported a change. */
  async hasChanged(): Promise<boolean> {
    if (this.hasWritten || this.#life.state !== 'active') return true
    if (this.engine.options.access === 'read') return false
    const { written } = this.engine.dialect.texts
    if (written === undefined) return true
    const { rows } = await this.query(written, null)
    return (rows as { written: boolean }[] | undefined)?.[0]?.written ?? true
  }

  /** Notes the line of a knex.transaction() on the session, which looks like a commit but is only a savepoint. */
  entersKnexTransaction(): void {
    this.knexTransaction = captureSite(sitesAreWanted() ? 20 : 8)
  }

  /** Throws if the open transaction has failed or lost its connection, and so cannot be committed. */
  requireIntact(): void {
    const { state } = this.#life
    if (state === 'lost') throw this.#life.lostError()
    if (state === 'failed') throw this.#life.failedError()
  }

  /** Whether a statement is under way, which may open a transaction. */
  get isBusy(): boolean {
    return this.#queue.isRunning
  }

  /** Whether no statement was sent yet. */
  get isUnused(): boolean {
    return this.#sender.count === 0
  }

  /** Whether a stream is being read; its reader may take any time. */
  get isReading(): boolean {
    return this.#sender.isReading
  }

  /** Resolves when no statement is under way. */
  whenIdle(): Promise<void> {
    return this.#queue.whenStill()
  }

  /** Destroys the stream being read, with this error for its reader. */
  stopReading(error: Error): void {
    this.#sender.stopReading(error)
  }

  /** Whether the open transaction is still the one with this number. */
  isStillIn(transaction: number): boolean {
    const isHosts = this.engine.options.rule.ends === 'host'
    return isHosts || (this.isInTransaction && this.transaction === transaction)
  }

  /** Marks that the open transaction has changed something that no command tag shows. */
  markChanged(): void {
    this.#life.wrote = true
    this.#life.writes ??= new Writes(this.engine.dialect)
    this.#life.writes.first ??= { capture: captureSite(8) }
  }

  requireTransactions(what: string): void {
    if (this.engine.options.rule.ends === 'statement') throw errors.needsTransaction(this, what)
  }

  // ------------------------------------------------------------------------------------- the end

  /** Whether the running turn is a commit. */
  get isCommitting(): boolean {
    return this.#turns.isCommitting
  }

  get isEnding(): boolean {
    return this.#end.hasBegun
  }

  get isCut(): boolean {
    return this.#end.isCut
  }

  /** Whether the container has already reported this session's lost writes, with the name of the run. */
  get isToldAsLost(): boolean {
    return this.takesPart && this.owner.hasToldOfRun
  }

  /**
   * Ends the session. A running statement may finish within `graceMs`, then is cancelled on the server. Uncommitted
   * work is rolled back. The connection is checked in, or closed where its state is doubtful. Idempotent, never
   * rejects. Resolves to whether the connection is confirmed released.
   */
  end(graceMs: number, why: EndReason = 'finished without commit'): Promise<boolean> {
    return this.#end.begin(graceMs, why)
  }

  /** Ends the session if it is idle and holds no connection, as after a commit. Returns whether it did. */
  endIfIdle(): boolean {
    return this.#end.beginIfIdle()
  }

  /** Calls `told` as soon as the session begins to end and refuses everything. */
  onEnding(told: () => void): void {
    this.#end.onBegun(told)
  }

  /**
   * Shortens an end, begun or to come: it no longer waits for running statements, and not even for the server once
   * `over` resolves.
   */
  hurry(over: Promise<void>): void {
    this.#end.hurry(over)
  }

  /** Why the calling code may not use the session any more; undefined where it may. */
  callRefused(): Error | undefined {
    return this.isEnding ? errors.sessionEnded(this) : this.owner.callerRefusal()
  }

  /** Throws EL_ENDED once the session has begun to end. */
  requireNotEnded(): void {
    if (this.isEnding) throw errors.sessionEnded(this)
  }

  /** The error for a commit while a unit is open; undefined where none is. */
  get commitRefusal(): Error | undefined {
    const { units } = this.owner
    const unit = units?.areOpen ? units.on(this) : undefined
    return unit && unitIsOpen(unit, `on session ${this.id} of engine "${this.engine.name}"`, this)
  }
}
