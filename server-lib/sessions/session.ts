import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { channels } from '../channels.ts'
import { settledWithin } from '../deadline.ts'
import type { EndReason } from '../commit/report.ts'
import type { Engine } from '../engines/engine.ts'
import { nextId } from '../identity/ids.ts'
import { captureSite, type SiteCapture } from '../identity/site.ts'
import { isDevelopment } from '../identity/development.ts'
import { sitesAreWanted } from '../identity/wanted-sites.ts'
import type { Isolation } from '../postgres/control.ts'
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
import {
  bindToContext,
  closeWhenOver,
  isOwedAnAnswer,
  onSubmittableEnd,
  tellErrors,
} from '../postgres/submittable.ts'
import { faultPoint } from '../testing/fault-points.ts'
import { lineHere } from '../watch/line-here.ts'
import { takeCleanLease } from './clean-lease.ts'
import { Fifo, type Turn } from './fifo.ts'
import { HeldConnection, type SessionIdentity } from './held-connection.ts'
import type { Abandonment } from '../pool/abandonment.ts'
import { rememberRows } from './row-sessions.ts'
import type { RequestScope } from './request-scope.ts'
import * as errors from './session-errors.ts'
import { SessionLife, type Ending } from './session-life.ts'
import { after, type SessionMove, type SessionState } from './session-state.ts'
import { controlIn, refuseControl } from './control-texts.ts'
import { startStatementDeadline, startStreamDeadline } from './statement-deadline.ts'
import type { TransactionKind } from './transaction-kind.ts'
import { hasChanged, mayWrite, warnOfForgottenCommit, Writes, type FirstWrite } from './writes.ts'

/** What a session needs of the container that it belongs to. */
export interface SessionOwner {
  readonly scope: RequestScope
  /** Ends the waits of its sessions for a connection. */
  readonly abandoned: Abandonment
  /** What is asked of the transactions that it commits together. */
  readonly kind: TransactionKind
  /** A statement of the session changed something. */
  wrote(session: SessionCore): void
  /** Whether it has told already that what was written is lost, with the name of the run that wrote it. */
  readonly hasToldOfRun: boolean
  /** What is under way in it that ends its transactions, or goes back in them. */
  readonly unit: 'run' | 'savepoint' | undefined
  /** Until when no transaction of its sessions may begin. */
  readonly pause: Promise<void> | undefined
  /** Why a transaction of the session cannot begin now, if it cannot: the container commits, or has failed to. */
  refusal(session: SessionCore): Error | undefined
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
export class SessionCore {
  readonly id = nextId('s')
  readonly engine: Engine
  readonly #owner: SessionOwner
  readonly #life: SessionLife
  readonly #fifo = new Fifo()
  /** Set as the session begins to end; from then on every use is refused. */
  #ending: Promise<boolean> | undefined
  #toldOfEnd = NOBODY
  #askBeforeCommit: (() => Error | undefined) | undefined
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
    const { state, connection, backendPid, since } = this.shown()
    const held = connection === undefined ? '' : ` on ${connection} (pid ${backendPid})`
    return `${state}${held}${since === undefined ? '' : ` since ${since}`}`
  }

  /** Whether the line of the next statement is worth its price: it will take a connection, or somebody reads it. */
  get wantsSite(): boolean {
    return !this.#life.held || !this.#life.begunAt || sitesAreWanted() || isDevelopment()
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
    queue = this.#fifo,
  ): void {
    if (this.#ending) return callback(errors.sessionEnded(this))
    const statement = asked(config, capture, isSingle, sender)
    this.#lineUp(queue, {
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
  query(config: unknown, capture: SiteCapture | null): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      this.send(config, (error, result) => (error ? reject(error) : resolve(result as DriverResult)), capture)
    })
  }

  /**
   * Holds the session's queue while `work` sends what belongs together: nothing of anybody else comes between. Settles as
   * `work` does; rejects with EL_ENDED, without calling it, when the session ends before its turn has come.
   */
  together<T>(work: (sending: Sending) => Promise<T>): Promise<T> {
    if (this.#ending) return Promise.reject(errors.sessionEnded(this))
    return new Promise((resolve, reject) => {
      this.#fifo.push({
        refuse: reject,
        start: done => {
          const queue = new Fifo()
          const sending: Sending = {
            query: (config, capture) =>
              new Promise((answer, fail) => {
                const callback: DriverCallback = (error, result) =>
                  error ? fail(error) : answer(result as DriverResult)
                this.send(config, callback, capture, false, undefined, queue)
              }),
            submit: (submittable, capture) => {
              this.submit(submittable, capture, undefined, queue)
              return queue.whenIdle()
            },
          }
          work(sending).then(resolve, reject).finally(done)
        },
      })
    })
  }

  /** Runs a cursor or stream in its turn, which lasts until it is closed. `outlet` is where another one leads it to. */
  submit(
    submittable: Submittable,
    capture: SiteCapture | null,
    outlet?: object,
    queue: Fifo = this.#fifo,
  ): void {
    const refuse = (error: Error) => {
      if (this.#ending) forgiveErrors(submittable, outlet)
      if (submittable.destroy) submittable.destroy(error)
      else submittable.handleError?.(error)
    }
    if (this.#ending) return refuse(errors.sessionEnded(this))
    bindToContext(submittable)
    const statement = asked(submittable, capture, false)
    this.#lineUp(queue, {
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
          // pg would queue it, and run it for nobody should it be destroyed meanwhile.
          if (!held.isReady) return held.whenReady(() => send(held))
          this.#statements++
          this.#read = [submittable, outlet]
          held.announce(statement.queuedMs, capture)
          // pg refuses a cursor where it may write ahead; nothing else is under way on ours now.
          const restore = held.oneByOne()
          const tell = (error: Error) => this.#tell(error)
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
            this.#answered(held, error, { command }, statement)
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

  /** Which connection the host has for a statement is asked in the context of that, whoever was before it in the queue. */
  #lineUp(queue: Fifo, turn: Turn): void {
    if (this.engine.options.mode !== 'borrowed' || !queue.busy) return queue.push(turn)
    const inContext = AsyncLocalStorage.snapshot()
    queue.push({ refuse: turn.refuse, start: done => inContext(() => turn.start(done)) })
  }

  #withConnection(
    statement: Statement,
    use: (held: HeldConnection) => void,
    refuse: (error: Error) => void,
  ): void {
    if (statement.askedAt > 0) statement.queuedMs = performance.now() - statement.askedAt
    const refused =
      statement.control && refuseControl(this, this.#owner, statement.control, statement.capture)
    if (refused) return refuse(refused)
    if (this.#life.isReadOnly && !statement.isSingle) {
      const words = undoesReadOnly(
        textOf(statement.config),
        (statement.config as { values?: unknown }).values,
      )
      if (words) return refuse(errors.onlyReads(this, words))
    }
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
    // Its sender lost patience while the connection was opened.
    if (sender?.gaveUp && !beginning) return callback(givenUp())
    if (sender) sender.isSent = true
    this.#statements++
    this.#life.begunAt ??= statement.capture
    held.announce(statement.queuedMs, statement.capture)
    const { statementTimeoutMs, traceRows } = this.engine.options
    let over = false
    const settle: DriverCallback = (error, result) => {
      this.#answered(held, error ?? null, result, statement)
      if (error) return callback(this.#tell(error))
      if (traceRows) rememberRows(result, this)
      callback(null, result)
    }
    const answer: DriverCallback = (error, result) => {
      if (over) return
      over = true
      faultPoint('statement:answered', held.driver)
      if (sender) sender.isSent = false
      deadline?.stop()
      settle(error, result)
    }
    let deadline: { stop(): void } | undefined
    const runs = () => {
      if (statementTimeoutMs === undefined || over) return
      deadline = startStatementDeadline(this.engine, statementTimeoutMs, error => {
        void held.cancel()
        this.#life.lose(held, error)
        answer(error)
      })
    }
    if (beginning) {
      const begun = (failure: Error | null) => {
        faultPoint('begin:answered', held.driver)
        const lost = failure ? this.#life.beginFailed(held, failure) : this.#life.begun(held)
        if (lost) answer(lost)
        else runs()
      }
      const { beginTimeoutMs: deadlineMs } = this.engine.options
      held.beginWith(beginning, statement.config as TextAndValues, { begun, callback: answer, deadlineMs })
      faultPoint('begin:sent', held.driver)
    } else {
      runs()
      held.query(statement.config, answer)
    }
    faultPoint('statement:sent', held.driver)
  }

  /** A statement's error as the caller sees it. */
  #tell(error: Error): Error {
    return this.#ending ? errors.sessionEnded(this, error) : this.#life.tell(error)
  }

  #answered(
    held: HeldConnection,
    error: Error | null,
    result: DriverResult | DriverResult[] | undefined,
    { config, capture }: Statement,
  ): void {
    this.#life.answered(held, error, commandOf(result))
    if (held.isWritable && this.#life.held === held) {
      this.#life.discard(held, 'default_transaction_read_only was switched off')
      this.#life.follow('release')
    }
    if (error || !Writes.concern(result)) return
    if (this.isInTransaction) {
      this.#life.writes ??= new Writes()
      this.#life.writes.follow(textOf(config), result, capture)
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
    return this.#turn('commit', () => this.#life.commit({ why: 'commit', capture }))
  }

  /** Rolls back and gives the connection back. Also what is left to do when the connection was lost. */
  rollback(ending: Ending = { why: 'rollback' }): Promise<void> {
    return this.#turn('rollback', () => this.#life.rollback('rollback', ending))
  }

  /** Gives the connection back before the request ends. What is uncommitted is rolled back. */
  release(capture: SiteCapture | null = null): Promise<void> {
    return this.#turn('release', () => this.#life.rollback('release', { why: 'release', capture }))
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

  /** knex.transaction() was called on the session, which promises a commit that there is not. */
  entersKnexTransaction(): void {
    this.#knexTransaction = captureSite(sitesAreWanted() ? 20 : 8)
  }

  /** Throws why the open transaction cannot be committed any more, if that is so. */
  requireIntact(): void {
    const { state } = this.#life
    if (state === 'lost') throw this.#life.lostError()
    if (state === 'failed') throw errors.transactionFailed(this, this.#life.failure ?? new Error('unknown'))
  }

  /** Whether something is under way that may open a transaction. */
  get isBusy(): boolean {
    return this.#fifo.busy
  }

  /** Whether no statement was sent yet. */
  get isUnused(): boolean {
    return this.#statements === 0
  }

  /** Whether a stream is being read, which goes on for as long as its reader likes. */
  get isReading(): boolean {
    return this.#read.length > 0
  }

  /** Resolves when nothing is under way. */
  whenIdle(): Promise<void> {
    return this.#fifo.whenIdle()
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
  #turn(move: SessionMove, work: () => Promise<void>): Promise<void> {
    if (this.#ending) return Promise.reject(errors.sessionEnded(this))
    return new Promise((resolve, reject) => {
      this.#fifo.push({
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

  /** Throws EL_ENDED where every use is refused by now. */
  requireNotEnded(): void {
    if (this.#ending) throw errors.sessionEnded(this)
  }

  /** Has each commit ask whether it may be. Asked when its turn has come. */
  refuseCommitsBy(ask: () => Error | undefined): void {
    this.#askBeforeCommit = ask
  }

  /** Why its transaction cannot be committed now although it is intact, if that is so. */
  get commitRefusal(): Error | undefined {
    return this.#askBeforeCommit?.()
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
    if (this.#fifo.busy && graceMs > 0 && !this.#over) {
      const hurried = new Promise<void>(resolve => void (this.#stopWaiting = resolve))
      await settledWithin(Promise.race([this.#fifo.whenIdle(), hurried]), graceMs)
    }
    // A COMMIT is nearly always about to be answered, and whoever cuts it short cannot tell what became of it.
    if (this.#fifo.busy && this.#isCommitting)
      await settledWithin(this.#fifo.whenIdle(), this.engine.options.commitTimeoutMs)
    if (this.#fifo.waiting > 0) this.#fifo.refuseWaiting(errors.sessionEnded(this))
    if (this.#fifo.busy) await this.#cutShort()
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
    if (!this.#owner.hasToldOfRun)
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
    const [reading] = this.#read
    forgiveErrors(...this.#read)
    // Between two batches the server has nothing that it could cancel: it waits for the reader.
    ;(reading as Submittable | undefined)?.destroy?.(errors.sessionEnded(this))
    const { held } = this.#life
    // Not awaited: the server may be out of reach, and then the connection is closed all the same.
    void held?.cancel(this.#over)
    await settledWithin(this.#fifo.whenIdle(), CANCEL_DEADLINE_MS)
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
    this.#life.lose(held, reason instanceof Error ? reason : new Error(String(reason)))
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
