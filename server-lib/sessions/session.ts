import { EventEmitter } from 'node:events'
import { channels } from '../channels/channels.ts'
import { settledWithin } from '../clock/deadline.ts'
import type { EndReason } from '../channels/words.ts'
import { takesPart } from '../engines/engine-config.ts'
import { EnginelightError } from '../channels/errors.ts'
import type { Engine } from '../engines/engine.ts'
import { nextId } from '../identity/ids.ts'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { isDevelopment } from '../identity/development.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import { WRITTEN, type Isolation } from '../postgres/control.ts'
import { canBringBegin } from '../postgres/beginning-query.ts'
import type { Control } from '../postgres/read-control.ts'
import { undoesReadOnly } from '../postgres/undo-read-only.ts'
import {
  commandOf,
  type DriverCallback,
  type DriverResult,
  type Submittable,
  type TextAndValues,
} from '../postgres/driver.ts'
import { unwritable } from '../postgres/sendable.ts'
import { EnclosedStatement } from '../postgres/enclosed-statement.ts'
import { closeWhenOver, isOwedAnAnswer, onSubmittableEnd, tellErrors } from '../postgres/submittable.ts'
import { faultPoint } from '../identity/fault-points.ts'
import { bindToContext } from '../watch/bind-submittable.ts'
import { lineHere } from '../watch/line-here.ts'
import { takeCleanLease } from './clean-lease.ts'
import { Fifo } from './fifo.ts'
import { HeldConnection, type SessionIdentity } from './held-connection.ts'
import type { Abandonment } from '../pool/abandonment.ts'
import { rememberRows } from './row-sessions.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import * as errors from './session-errors.ts'
import { HERE, SessionQueue, type Where } from './session-queue.ts'
import { SessionLife, type Ending, type Sent } from './session-life.ts'
import type { SessionState } from '../channels/words.ts'
import { after, type SessionMove } from './session-state.ts'
import { controlIn, refuseControl } from './control-texts.ts'
import { startStatementDeadline, startStreamDeadline } from './statement-deadline.ts'
import type { TransactionKind } from './transaction-kind.ts'
import { unitIsOpen, unitUndone } from './units/unit-errors.ts'
import type { Unit, UnitOwner, UnitQueue, UnitSession } from './units/unit.ts'
import type { Units } from './units/units.ts'
import { hasChanged, mayWrite, warnOfForgottenCommit, Writes, type FirstWrite } from './writes.ts'

/** What a session needs of the container that it belongs to. */
export interface SessionOwner extends UnitOwner {
  readonly scope: RequestScope
  /** Ends the waits of its sessions for a connection. */
  readonly abandoned: Abandonment
  /** What is asked of the transactions that it commits together. */
  readonly kind: TransactionKind
  /** A statement of the session changed something. */
  wrote(session: SessionCore): void
  /** How many runs are under way in it, which end its transactions. */
  readonly runs: number
  /** Whether it has told already that what was written is lost, with the name of the run that wrote it. */
  readonly hasToldOfRun: boolean
  /** Until when no transaction of its sessions may begin. */
  readonly pause: Promise<void> | undefined
  /** Why a transaction of the session cannot begin now, if it cannot: the container commits, or has failed to. */
  refusal(session: SessionCore): Error | undefined
  /** The parts of the work that are kept or undone as one; undefined until there is one. */
  readonly units: Units | undefined
  /** The same, made where there was none. */
  unitsOf(): Units
  /** Why the code that runs here may send nothing at all, if that is so. */
  callerRefusal(): Error | undefined
}

/** One statement on its way: what is sent, when it was asked for, and from which line. */
interface Statement {
  readonly config: unknown
  readonly capture: SiteCapture | null
  readonly askedAt: number
  /** How long it stood behind other statements of the session, set when its turn comes. */
  queuedMs: number
  /** Whether its text is known to be one statement and no more. */
  readonly isSingle: boolean
  readonly sender: Sender | undefined
  /** What in its text is for whoever ends the transaction. */
  readonly control: Control | null
  /** What begins its transaction, where that travels with it. */
  beginning: readonly string[] | undefined
}

/** Whoever sends a statement and may lose patience before it is sent. */
interface Sender {
  isSent: boolean
  readonly gaveUp: boolean
}

/** Sends in a queue that is held already. */
export interface Sending {
  query(config: unknown, capture: SiteCapture | null): Promise<DriverResult>
  /** Resolves when a cursor or stream is closed, however it went. */
  submit(submittable: Submittable, capture: SiteCapture | null): Promise<void>
}

/** What `console.log` shows of a session. */
interface Shown {
  readonly engine: string
  readonly state: SessionState
  readonly request: string
  readonly connection?: string
  readonly backendPid?: number | null
  readonly since?: string
}

/** A session whose queue is held for the steps of a commit over many engines. */
export interface SessionSeat {
  readonly core: SessionCore
  readonly life: SessionLife
  /** Whoever waits behind it has his turn. */
  leave(): void
}

/** How long a cancelled statement may take to answer, before its connection is closed under it. */
const CANCEL_DEADLINE_MS = 1_000

/** One unit of work on one engine. It takes a connection at its first statement and holds at most one. */
export class SessionCore implements UnitSession {
  readonly id = nextId('s')
  readonly engine: Engine
  readonly #owner: SessionOwner
  readonly #life: SessionLife
  readonly #fifo = new SessionQueue(this)
  /** Set as the session begins to end; from then on every use is refused. */
  #ending: Promise<boolean> | undefined
  #toldOfEnd = NOBODY
  /** The end waits no longer: nothing more is sent. */
  #cut = false
  /** Ends the time in which what runs may finish. */
  #stopWaiting: (() => void) | undefined
  /** When nothing is waited for any longer, where somebody has said so. */
  #over: Promise<void> | undefined
  /** The stream that is being read, and the one that its reader has in hand. */
  #read: (object | undefined)[] = []
  #statements = 0
  /** The line of the last knex.transaction(). */
  #knexTransaction: SiteCapture | undefined
  /** Whether the turn that runs is a commit. */
  #isCommitting = false

  constructor(engine: Engine, owner: SessionOwner) {
    engine.requireOpen()
    this.engine = engine
    this.#owner = owner
    this.#life = new SessionLife(this.id, engine, owner.scope, owner.kind)
    if (channels.session.hasSubscribers) {
      const { mode } = engine.options
      channels.session.publish({ phase: 'start', at: performance.now(), ...this.#ids, mode })
    }
  }

  get state(): SessionState {
    return this.#life.state
  }

  get request(): RequestScope {
    return this.#owner.scope
  }

  get identity(): SessionIdentity | undefined {
    return this.#life.held?.identity
  }

  get owner(): SessionOwner {
    return this.#owner
  }

  /** Whether it takes part in the commits of its container. */
  get takesPart(): boolean {
    return takesPart(this.engine.options)
  }

  /** The queue of what belongs to no unit. */
  get root(): UnitQueue {
    return this.#fifo
  }

  /** The key that cancels what runs on its connection, while it holds one. */
  get secretKey(): unknown {
    return this.#life.held?.driver.secretKey ?? null
  }

  /** What is shown of it: where it stands, and what it holds since which line. */
  shown(): Shown {
    const { engine, state, request, identity } = this
    const facts = { engine: engine.name, state, request: `${request.label} (${request.id})` }
    if (!identity) return facts
    const site = engine.holders().find(({ session }) => session === this.id)?.site
    const { connection, backendPid } = identity
    return { ...facts, connection, backendPid, ...(site ? { since: site } : {}) }
  }

  get summary(): string {
    const { connection, backendPid, since } = this.shown()
    const held = connection === undefined ? '' : ` on ${String(connection)} (pid ${String(backendPid)})`
    return `${this.state}${held}${since === undefined ? '' : ` since ${String(since)}`}`
  }

  /** Whether the line of the next statement is worth its price: it takes a connection, it may wait, or the line is read. */
  get wantsSite(): boolean {
    const { held, begunAt } = this.#life
    if (!held || !begunAt || this.#owner.units?.areOpen) return true
    return sitesAreWanted() || isDevelopment()
  }

  get #ids() {
    return { id: this.id, engine: this.engine.name, request: this.request.id }
  }

  // ------------------------------------------------------------------------------------- statements

  /** Sends one statement in its turn; the first one takes a connection and begins a transaction. */
  send(
    config: unknown,
    callback: DriverCallback,
    capture: SiteCapture | null,
    isSingle = false,
    sender?: Sender,
    where: Where = HERE,
  ): void {
    const refusal = this.#callRefused()
    if (refusal) return callback(refusal)
    const statement = asked(config, capture, isSingle, sender)
    this.#fifo.lineUp(where, capture, {
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
        if (sender?.gaveUp) return finish(givenUp())
        this.#withConnection(statement, held => this.#run(held, statement, finish), finish)
      },
    })
  }

  /** The same as a promise. Rejects with the driver's error, or with ours where the session is the reason. */
  query(config: unknown, capture: SiteCapture | null, where?: Where): Promise<DriverResult> {
    return this.#promised(config, capture, false, where)
  }

  /** Sends a single statement of our own in a queue that is held. */
  queryIn(queue: UnitQueue, text: string, capture: SiteCapture | null): Promise<DriverResult> {
    return this.#promised(text, capture, true, { queue })
  }

  #promised(
    config: unknown,
    capture: SiteCapture | null,
    isSingle: boolean,
    where?: Where,
  ): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      const callback: DriverCallback = (error, result) =>
        error ? reject(error) : resolve(result as DriverResult)
      this.send(config, callback, capture, isSingle, undefined, where)
    })
  }

  /**
   * Holds the session's queue while `work` sends what belongs together: nothing of anybody else comes between. Settles as
   * `work` does; rejects with EL_ENDED, without calling it, when the session ends before its turn has come.
   */
  together<T>(
    work: (sending: Sending) => Promise<T>,
    where: Where = HERE,
    capture: SiteCapture | null = null,
  ): Promise<T> {
    const refusal = this.#callRefused()
    if (refusal) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      this.#fifo.lineUp(where, capture, {
        refuse: reject,
        start: done => {
          const queue: UnitQueue = new Fifo()
          const sending: Sending = {
            query: (config, capture) => this.query(config, capture, { queue }),
            submit: (submittable, capture) => {
              this.submit(submittable, capture, undefined, { queue })
              return queue.whenIdle()
            },
          }
          work(sending).then(resolve, reject).finally(done)
        },
      })
    })
  }

  /** Runs a cursor or stream in its turn, which lasts until it is closed. `outlet` is where another one leads it to. */
  submit(submittable: Submittable, capture: SiteCapture | null, outlet?: object, where: Where = HERE): void {
    const refusal = this.#callRefused()
    const refuse = (error: Error) => {
      if (this.#ending || refusal) forgiveErrors(submittable, outlet)
      if (submittable.destroy) submittable.destroy(error)
      else submittable.handleError?.(error)
    }
    if (refusal) return refuse(refusal)
    bindToContext(submittable)
    const statement = asked(submittable, capture, false)
    this.#fifo.lineUp(where, capture, {
      refuse,
      start: done => {
        // Nobody reads it any more: there is no reason to trouble the server.
        if (submittable.destroyed) return done()
        const send = (held: HeldConnection) => {
          // Destroyed while it waited: it would never be closed, for its consumer has done so.
          if (submittable.destroyed) {
            this.#giveBackBetweenStatements()
            return done()
          }
          // It would throw once it has taken the statement for its active one, and answer nothing ever after.
          if (held.driver.native !== undefined) {
            this.#giveBackBetweenStatements()
            refuse(errors.noProtocol(this))
            return done()
          }
          const refusal = this.#unwritable(submittable)
          if (refusal) {
            this.#giveBackBetweenStatements()
            refuse(refusal)
            return done()
          }
          // pg would queue it, and run it for nobody should it be destroyed meanwhile.
          if (!held.isReady) return held.whenReady(() => send(held))
          this.#statements++
          this.#read = [submittable, outlet]
          held.announce(statement.queuedMs, capture)
          // pg refuses a cursor where it may write ahead; nothing else is under way on ours now.
          const restore = held.oneByOne()
          let isRefused = false
          const tell = (error: Error) => (isRefused ? error : this.#tell(error))
          tellErrors(submittable, tell)
          closeWhenOver(submittable, tell)
          const { statementTimeoutMs } = this.engine.options
          const isOwed = () => isOwedAnAnswer(submittable)
          // Its connection is closed under it, and so it is told.
          const passed = (error: Error) => this.doubt(error)
          const deadline =
            statementTimeoutMs === undefined
              ? undefined
              : startStreamDeadline(this.engine, statementTimeoutMs, held.driver, isOwed, passed)
          onSubmittableEnd(submittable, ({ error, command }) => {
            deadline?.stop()
            restore()
            this.#read = []
            const over = () => {
              this.#answered(held, error, { command }, statement)
              this.#giveBackBetweenStatements()
              done()
            }
            if (error && held.isUnread(error)) held.whenReady(over)
            else over()
          })
          try {
            held.driver.query(submittable)
          } catch (error) {
            isRefused = true
            this.#refusedByDriver(held, error as Error)
            submittable.handleError?.(error as Error)
          }
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
    if (statement.askedAt > 0) statement.queuedMs = performance.now() - statement.askedAt
    if (this.#life.isReadOnly && !statement.isSingle) {
      const words = undoesReadOnly(
        textOf(statement.config),
        (statement.config as { values?: unknown }).values,
      )
      if (words) return refuse(errors.onlyReads(this, words))
    }
    const refused = statement.control && refuseControl(this, statement.control, statement.capture)
    if (refused) return refuse(refused)
    const { state, held } = this.#life
    if (state === 'lost') return refuse(this.#life.lostError())
    if (state === 'ended' || this.#cut) return refuse(errors.sessionEnded(this))
    if (held && state === 'failed') {
      // Whether a transaction is open still comes after the error: without one the statement would commit by itself.
      if (!held.isReady) return held.whenReady(() => this.#withConnection(statement, use, refuse))
      if (held.isIdle) return this.#afterFailedCommit(statement, use, refuse)
    }
    // In a failed transaction too: a ROLLBACK TO SAVEPOINT is welcome, and the server refuses all else.
    if (held && state !== 'idle') {
      const elsewhere = held.driver.elsewhere?.(statement.config)
      if (!elsewhere) return use(held)
      return void elsewhere.then(other => {
        if (other) refuse(errors.inAnotherTransaction(this, held.driver, other))
        else if (this.#life.held === held && !this.#cut) use(held)
        else this.#withConnection(statement, use, refuse)
      })
    }
    const { pause } = this.#owner
    // The commit holds the queues of all sessions that it needs already, so it does not wait for this one.
    if (pause) return void pause.then(() => this.#withConnection(statement, use, refuse))
    const refusal = this.#owner.refusal(this)
    if (refusal) return refuse(refusal)
    this.#takeAndBegin(statement, use).catch(refuse)
  }

  async #takeAndBegin(statement: Statement, use: (held: HeldConnection) => void): Promise<void> {
    const asker = () => ({ session: this.id, request: this.request, capture: statement.capture })
    const lease = await takeCleanLease(this.engine, asker, this.#owner.abandoned)
    faultPoint('check-out:granted', lease.hold.driver)
    if (this.#life.state === 'ended') {
      lease.hold.release()
      throw errors.sessionEnded(this)
    }
    const held: HeldConnection = new HeldConnection(this.engine, lease, error => this.#life.lose(held, error))
    this.#life.take(held)
    this.#life.begunAt = null
    if (this.engine.options.mode === 'autocommit' && this.#life.isReadOnly) held.watchReadOnly()
    if (this.#bringsBegin(statement, held)) {
      statement.beginning = this.#life.beginTexts()
      return use(held)
    }
    await this.#life.begin(held)
    // A ROLLBACK may stand behind BEGIN by now: sent after it, the statement would commit by itself.
    if (this.#cut) throw errors.sessionEnded(this)
    use(held)
  }

  /** A COMMIT sent as text has failed, so no transaction is open: what comes next must not commit by itself. */
  #afterFailedCommit(
    statement: Statement,
    use: (held: HeldConnection) => void,
    refuse: (error: Error) => void,
  ): void {
    this.#life.move('rollback')
    this.#life.giveBack()
    this.#withConnection(statement, use, refuse)
  }

  /** Whether BEGIN can travel with the statement: settings go between the two. */
  #bringsBegin({ config, isSingle }: Statement, { driver }: HeldConnection): boolean {
    const { pipeline, mode } = this.engine.options
    return (
      pipeline && mode === 'transaction' && !this.request.annotate && canBringBegin(driver, config, isSingle)
    )
  }

  #run(held: HeldConnection, statement: Statement, callback: DriverCallback): void {
    const { sender, beginning } = statement
    const refusal = this.#unwritable(statement.config)
    if (refusal) return callback(refusal)
    // Its sender lost patience while the connection was opened.
    if (sender?.gaveUp && !beginning) return callback(givenUp())
    if (sender) sender.isSent = true
    this.#statements++
    this.#life.begunAt ??= statement.capture
    held.announce(statement.queuedMs, statement.capture)
    const { statementTimeoutMs, traceRows } = this.engine.options
    let over = false
    const finish: DriverCallback = (error, result) => {
      if (over) return
      over = true
      faultPoint('statement:answered', held.driver)
      if (sender) sender.isSent = false
      deadline?.stop()
      this.#answered(held, error ?? null, result, statement)
      if (error) return callback(this.#tell(error))
      if (traceRows) rememberRows(result, this)
      callback(null, result)
    }
    let isUnread = false
    const answer: DriverCallback = (error, result) => {
      if (isUnread || over) return
      if (!error || !held.isUnread(error)) return finish(error, result)
      // Of the same statement pg tells once more, as if all were well or by the server's error.
      isUnread = true
      held.whenReady(() => finish(error))
    }
    let deadline: { stop(): void } | undefined
    const runs = () => {
      if (statementTimeoutMs === undefined || over) return
      deadline = startStatementDeadline(this.engine, statementTimeoutMs, error => {
        void held.cancel()
        this.#life.lose(held, error)
        finish(error)
      })
    }
    if (beginning) {
      const begun = (failure: Error | null) => {
        faultPoint('begin:answered', held.driver)
        const lost = failure ? this.#life.beginFailed(held, failure) : this.#life.begun(held)
        if (lost) finish(lost)
        else runs()
      }
      const { beginTimeoutMs: deadlineMs } = this.engine.options
      held.beginWith(beginning, statement.config as TextAndValues, { begun, callback: answer, deadlineMs })
      faultPoint('begin:sent', held.driver)
    } else {
      runs()
      try {
        held.query(statement.config, answer)
      } catch (error) {
        if (over) throw error
        over = true
        deadline?.stop()
        this.#refusedByDriver(held, error as Error)
        return callback(error as Error)
      }
    }
    faultPoint('statement:sent', held.driver)
  }

  #unwritable(config: unknown): Error | undefined {
    const found = unwritable(config instanceof EnclosedStatement ? config.statement : config)
    return found && errors.noText(this, found.what, found.value)
  }

  /** The driver threw for what it was given. One that has taken it for its active statement by then answers nothing ever after. */
  #refusedByDriver(held: HeldConnection, error: Error): void {
    held.answered()
    if (!held.isReady || held.driver.native !== undefined) this.#life.lose(held, error)
  }

  /** A statement's error as the caller sees it. */
  #tell(error: Error): Error {
    return this.#ending ? errors.sessionEnded(this, error) : this.#life.tell(error)
  }

  #answered(
    held: HeldConnection,
    error: Error | null,
    result: DriverResult | DriverResult[] | undefined,
    statement: Sent,
  ): void {
    this.#life.answered(held, error, commandOf(result), statement)
    if (held.isWritable && this.#life.held === held) {
      this.#life.discard(held, 'default_transaction_read_only was switched off')
      this.#life.follow('release')
    }
    if (error || !Writes.concern(result)) return
    if (this.isInTransaction) {
      this.#life.writes ??= new Writes()
      this.#life.writes.follow(textOf(statement.config), result, statement.capture)
    }
    if (!hasChanged(result)) return
    this.#life.wrote = true
    this.#owner.wrote(this)
  }

  /** In autocommit a connection is held for the statement and those that wait behind it; of a host, whose next may be another, for it alone. */
  #giveBackBetweenStatements(): void {
    const { mode } = this.engine.options
    if (mode === 'transaction' || this.#life.state !== 'active') return
    if (mode === 'autocommit' && this.#fifo.waiting > 0) return
    // Within a savepoint of its own a borrowed connection is the session's.
    if (this.#life.held?.driver.isInUnit) return
    const held = this.#life.letGo()
    if (!held) return
    this.#life.move('release')
    held.giveBack()
  }

  // ----------------------------------------------------------------------------- transaction control

  /**
   * Commits and gives the connection back. Throws EL_COMMIT_ROLLED_BACK when the server answered with ROLLBACK,
   * EL_COMMIT_FAILED when COMMIT itself failed, EL_COMMIT_UNKNOWN when the connection went away before the answer.
   */
  commit(capture: SiteCapture | null = null): Promise<void> {
    const refusal = this.commitRefusal
    if (refusal) return Promise.reject(refusal)
    return this.#turn('commit', () => this.#life.commit({ why: 'commit', capture }))
  }

  /** Rolls back and gives the connection back. Also what is left to do when the connection was lost. Undoes the units that are open. */
  rollback(ending: Ending = { why: 'rollback' }): Promise<void> {
    void this.#fifo.breakOff(() => errors.unitsEnded(this, 'rollback()'))
    return this.#turn('rollback', () => this.#life.rollback('rollback', ending))
  }

  /** The same in a queue that is held. */
  rollbackIn(queue: UnitQueue, capture: SiteCapture | null): Promise<void> {
    return this.#turn('rollback', () => this.#life.rollback('rollback', { why: 'rollback', capture }), queue)
  }

  /** Gives the connection back before the request ends. What is uncommitted is rolled back. */
  release(capture: SiteCapture | null = null): Promise<void> {
    void this.#fifo.breakOff(() => errors.unitsEnded(this, 'release()'))
    return this.#turn('release', () => this.#life.rollback('release', { why: 'release', capture }))
  }

  /** What is said to what comes from the context of a unit that was undone. */
  undone(unit: Unit): Error {
    return unitUndone(unit, this)
  }

  /** Whether its statements may only read. */
  get onlyReads(): boolean {
    return this.#life.isReadOnly
  }

  /** What its transactions are; undefined leaves it to the server's default. */
  get isolation(): Isolation | undefined {
    return this.#life.isolation
  }

  /** Whether a transaction is open, or was until its connection was lost or it failed. */
  get isInTransaction(): boolean {
    const { state } = this.#life
    return this.engine.options.mode === 'transaction' && state !== 'idle' && state !== 'ended'
  }

  /** Which of its transactions is open, or was last: the first is 1. */
  get transaction(): number {
    return this.#life.transactions
  }

  /** Whether it has committed something that may have changed something. */
  get hasCommitted(): boolean {
    return this.#life.hasCommitted && this.engine.options.access !== 'read'
  }

  /** Whether a transaction is open in which a statement has said that it changed something. */
  get hasWritten(): boolean {
    return this.isInTransaction && this.#life.wrote
  }

  /** Whether the line of a text is worth its price for being that of the first write. */
  wantsWriteOf(text: unknown): boolean {
    return this.engine.options.mode === 'transaction' && !this.#life.writes?.first && mayWrite(text)
  }

  /** The first write of the open transaction that is not undone and would be lost without a commit. */
  get uncommitted(): FirstWrite | undefined {
    return this.isInTransaction ? this.#life.writes?.first : undefined
  }

  /** The same, also where no statement has said so: then the server is asked. */
  async hasChanged(): Promise<boolean> {
    if (this.hasWritten || this.#life.state !== 'active') return true
    if (this.engine.options.access === 'read') return false
    const { rows } = await this.query(WRITTEN, null)
    return (rows as { written: boolean }[] | undefined)?.[0]?.written ?? true
  }

  /** knex.transaction() was called on the session, which promises a commit that there is not. */
  entersKnexTransaction(): void {
    this.#knexTransaction = captureSite(sitesAreWanted() ? 20 : 8)
  }

  /** Throws why the open transaction cannot be committed any more, if that is so. */
  requireIntact(): void {
    const { state } = this.#life
    if (state === 'lost') throw this.#life.lostError()
    if (state === 'failed') throw this.#life.failedError()
  }

  /** Whether a statement is under way, which may open a transaction. */
  get isBusy(): boolean {
    return this.#fifo.isRunning
  }

  /** Whether no statement was sent yet. */
  get isUnused(): boolean {
    return this.#statements === 0
  }

  /** Whether a stream is being read, which goes on for as long as its reader likes. */
  get isReading(): boolean {
    return this.#read.length > 0
  }

  /** Resolves when no statement is under way. */
  whenIdle(): Promise<void> {
    return this.#fifo.whenStill()
  }

  /** What reads a stream is told that it is over. */
  stopReading(error: Error): void {
    const [reading] = this.#read
    if (reading === undefined) return
    forgiveErrors(...this.#read)
    ;(reading as Submittable).destroy?.(error)
  }

  /** Whether the transaction is open that was as this number was read. */
  isStillIn(transaction: number): boolean {
    const { mode } = this.engine.options
    return mode === 'borrowed' || (this.isInTransaction && this.transaction === transaction)
  }

  /** The open transaction has changed something that shows no mark. */
  markChanged(): void {
    this.#life.wrote = true
    this.#life.writes ??= new Writes()
    this.#life.writes.first ??= { capture: captureSite(8) }
  }

  /**
   * Holds the session's queue, when its turn has come, so that nothing of the application comes between the steps of a
   * commit. An end of the session waits for it, as for a COMMIT. Rejects when the session ends before.
   */
  enter(): SessionSeat | Promise<SessionSeat> {
    if (this.#ending) return Promise.reject(errors.sessionEnded(this))
    // With nobody before it, as nearly always, it has its seat at once.
    let seat: SessionSeat | undefined
    let sit: ((seat: SessionSeat) => void) | undefined
    let refuse: ((error: Error) => void) | undefined
    this.#fifo.push({
      refuse: error => refuse?.(error),
      start: done => {
        this.#isCommitting = true
        const leave = () => {
          this.#isCommitting = false
          done()
        }
        seat = { core: this, life: this.#life, leave }
        sit?.(seat)
      },
    })
    return seat ?? new Promise<SessionSeat>((resolve, reject) => ([sit, refuse] = [resolve, reject]))
  }

  /** Waits for its turn in the session's queue and holds it until `work` is done. */
  #turn(move: SessionMove, work: () => Promise<void>, queue: UnitQueue = this.#fifo): Promise<void> {
    const refused = this.#callRefused()
    if (refused) return Promise.reject(refused)
    return new Promise((resolve, reject) => {
      queue.push({
        refuse: reject,
        start: done => {
          if (!after(this.#life.state, move)) {
            reject(this.#life.refusal(move))
            return done()
          }
          const refusal = move === 'commit' ? this.commitRefusal : undefined
          if (refusal) {
            reject(refusal)
            return done()
          }
          this.#isCommitting = move === 'commit'
          const over = () => {
            this.#isCommitting = false
            done()
          }
          work().then(
            () => {
              resolve()
              over()
            },
            (error: unknown) => {
              reject(error as Error)
              over()
            },
          )
        },
      })
    })
  }

  requireTransactions(what: string): void {
    if (this.engine.options.mode === 'autocommit') throw errors.needsTransaction(this, what)
  }

  // ------------------------------------------------------------------------------------- the end

  /**
   * Ends the session: what runs may finish within `graceMs`, then is cancelled on the server; what is uncommitted
   * is rolled back; the connection goes back, or is closed where it cannot be trusted. Idempotent, never rejects.
   * Resolves to whether the connection is confirmed released.
   */
  end(graceMs: number, why: EndReason = 'finished without commit'): Promise<boolean> {
    if (this.#ending) return this.#ending
    this.#ending = this.#end(graceMs, why)
    for (const told of this.#toldOfEnd) told()
    return this.#ending
  }

  #callRefused(): Error | undefined {
    return this.#ending ? errors.sessionEnded(this) : this.#owner.callerRefusal()
  }

  /** Throws EL_ENDED where every use is refused by now. */
  requireNotEnded(): void {
    if (this.#ending) throw errors.sessionEnded(this)
  }

  /** Why its transaction cannot be committed now although it is intact, if that is so. */
  get commitRefusal(): Error | undefined {
    const { units } = this.#owner
    const unit = units?.areOpen ? units.on(this) : undefined
    return unit && unitIsOpen(unit, `on session ${this.id} of engine "${this.engine.name}"`, this)
  }

  /** Calls as soon as the session begins to end, and refuses everything. */
  onEnding(told: () => void): void {
    if (this.#ending) told()
    else if (this.#toldOfEnd === NOBODY) this.#toldOfEnd = [told]
    else this.#toldOfEnd.push(told)
  }

  /** Ends a session that does nothing and holds nothing, as one does that has committed. Whether it was such a one. */
  endIfIdle(): boolean {
    if (this.#ending || this.#fifo.busy || this.#life.held || this.#life.returned) return false
    this.#ending = RELEASED
    for (const told of this.#toldOfEnd) told()
    this.#ended(true)
    return true
  }

  async #end(graceMs: number, why: EndReason): Promise<boolean> {
    faultPoint('end:due', this.#life.held?.driver)
    const ended = () => errors.sessionEnded(this)
    // What is sent from now on is refused, so no unit comes to an end by itself.
    if (this.#fifo.holder) this.#fifo.refuseWaiting(ended())
    if (this.isBusy && graceMs > 0 && !this.#over) {
      const hurried = new Promise<void>(resolve => void (this.#stopWaiting = resolve))
      await settledWithin(Promise.race([this.whenIdle(), hurried]), graceMs)
    }
    // A COMMIT is nearly always about to be answered, and whoever cuts it short cannot tell what became of it.
    if (this.isBusy && this.#isCommitting)
      await settledWithin(this.whenIdle(), this.engine.options.commitTimeoutMs)
    if (this.#fifo.waiting > 0) this.#fifo.refuseWaiting(ended())
    // A unit whose function goes on is told when it asks for something.
    const unwound = this.#fifo.breakOff(ended)
    if (this.isBusy) await this.#cutShort()
    if (unwound) await settledWithin(unwound, CANCEL_DEADLINE_MS)
    if (this.#life.held) await this.#life.rollback('release', this.#forgotten(why) ?? { why })
    await this.#life.returned
    const released = this.#life.held === undefined
    this.#ended(released)
    return released
  }

  /** Nothing has failed, and what was written is about to be rolled back: tells of it, and says so as the reason. */
  #forgotten(why: EndReason): Ending | undefined {
    const { uncommitted, request, engine } = this
    if (why !== 'finished without commit' || !uncommitted || request.hasFailed) return undefined
    const isKnexTransaction = this.#knexTransaction !== undefined
    const capture = uncommitted.capture ?? this.#knexTransaction ?? null
    // One that a run took part in has been told of with the name of the run.
    if (!this.takesPart || !this.#owner.hasToldOfRun)
      warnOfForgottenCommit({
        engine: engine.name,
        label: request.label,
        request: request.id,
        capture,
        begun: this.#life.begunAt,
        isKnexTransaction,
      })
    return { why: 'commit forgotten', capture: capture ?? this.#life.begunAt }
  }

  #ended(released: boolean): void {
    this.#life.move('end')
    if (channels.session.hasSubscribers) {
      const statements = this.#statements
      channels.session.publish({ phase: 'end', at: performance.now(), ...this.#ids, released, statements })
    }
  }

  /** A statement still runs: it is cancelled, and its connection closed, since the cancel could hit a later one. */
  async #cutShort(): Promise<void> {
    this.#cut = true
    // Between two batches the server has nothing that it could cancel: it waits for the reader.
    this.stopReading(errors.sessionEnded(this))
    const { held } = this.#life
    // Not awaited: the server may be out of reach, and then the connection is closed all the same.
    void held?.cancel(this.#over)
    await settledWithin(this.whenIdle(), CANCEL_DEADLINE_MS)
    if (held && this.#life.held === held) this.#life.discard(held, 'cancelled')
  }

  /** An end, begun or to come, waits no longer for what runs, and for no answer of the server when `over` is. */
  hurry(over: Promise<void>): void {
    this.#over = over
    this.#stopWaiting?.()
    void over.then(() => {
      this.#cut = true
      const { held } = this.#life
      if (held) this.#life.discard(held, 'cut at close')
    })
  }

  /** The connection may still be busy with a statement that its caller gave up: it must not be used again. */
  doubt(reason: unknown): void {
    const { held } = this.#life
    if (!held) return
    void held.cancel()
    const cause = reason instanceof Error ? reason : new Error(String(reason))
    this.#life.lose(held, cause instanceof EnginelightError ? cause : errors.unansweredStatement(this, cause))
  }
}

const RELEASED = Promise.resolve(true)
/** Shared by all sessions whose end nobody asks for. Never written to. */
const NOBODY: (() => void)[] = []

function textOf(config: unknown): string {
  if (typeof config === 'string') return config
  const { text, cursor } = (config ?? {}) as { text?: unknown; cursor?: { text?: unknown } }
  return typeof text === 'string' ? text : typeof cursor?.text === 'string' ? cursor.text : ''
}

function asked(config: unknown, capture: SiteCapture | null, isSingle: boolean, sender?: Sender): Statement {
  // Unheard, nobody asks how long it stood in the queue.
  const askedAt = channels.statement.hasSubscribers ? performance.now() : 0
  const control = controlIn(config, isSingle)
  const line = control ? (capture ?? lineHere()) : capture
  return { config, capture: line, askedAt, queuedMs: 0, isSingle, sender, control, beginning: undefined }
}

const givenUp = () => new Error('Given up before it was sent.')

/** A stream that was piped to a client who left has nobody listening: its end must not end the process. */
function forgiveErrors(...streams: (object | undefined)[]): void {
  for (const stream of streams) {
    if (stream instanceof EventEmitter) stream.on('error', () => {})
  }
}
