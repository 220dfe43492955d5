import { channels } from '../channels.ts'
import type { Engine, Lease } from '../engines/engine.ts'
import { EnginelightError, errorFacts } from '../errors.ts'
import { here, nextId } from '../identity/ids.ts'
import type { SiteCapture } from '../identity/site.ts'
import { cancelStatement } from '../postgres/cancel.ts'
import {
  beginText,
  COMMIT,
  READ_ONLY_SESSION,
  RESET_READ_ONLY_SESSION,
  ROLLBACK,
} from '../postgres/control.ts'
import {
  commandOf,
  type DriverCallback,
  type DriverConnection,
  type DriverResult,
  type Submittable,
} from '../postgres/driver.ts'
import { failureOf, sqlstateOf } from '../postgres/sqlstate.ts'
import { onSubmittableEnd } from '../postgres/submittable.ts'
import { takeCleanLease } from './clean-lease.ts'
import { Fifo } from './fifo.ts'
import { rememberRows } from './row-sessions.ts'
import type { RequestScope } from './request-scope.ts'
import { startStatementDeadline } from './statement-deadline.ts'
import { after, legalMoves, type SessionMove, type SessionState } from './session-state.ts'

/** Where a session's connection is, from the engine to the server's process and our own. */
export interface SessionIdentity {
  readonly engine: string
  readonly pool: string
  readonly slot: number
  readonly connection: string
  readonly backendPid: number | null
  readonly pid: number
  readonly thread: number
}

/** What a session needs of the container that it belongs to. */
export interface SessionOwner {
  readonly scope: RequestScope
  readonly signal: AbortSignal
  /** A statement of the session changed something. */
  wrote(session: SessionCore): void
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
  #lease: Lease | undefined
  /** The first error of the transaction, or the one that took the connection: the cause of those that follow. */
  #failure: Error | undefined
  /** Set as the session ends: what every later use is told. */
  #ended: EnginelightError | undefined
  #ending: Promise<boolean> | undefined
  #statements = 0
  readonly #onConnectionError = (error: Error) => this.#lose(error)

  constructor(engine: Engine, owner: SessionOwner) {
    engine.requireOpen()
    this.engine = engine
    this.#owner = owner
    if (channels.session.hasSubscribers) {
      const { id } = this
      const { mode } = engine.options
      channels.session.publish({
        phase: 'start',
        at: performance.now(),
        id,
        engine: engine.name,
        request: this.request.id,
        mode,
      })
    }
  }

  get state(): SessionState {
    return this.#state
  }

  get request(): RequestScope {
    return this.#owner.scope
  }

  get identity(): SessionIdentity | undefined {
    const lease = this.#lease
    const record = lease?.pool.ledger.recordOf(lease.hold.driver)
    if (!lease || !record) return undefined
    const { id: connection, slot, backendPid } = record
    return { engine: this.engine.name, pool: lease.pool.ledger.pool, slot, connection, backendPid, ...here }
  }

  /** Whether the line of the next statement is worth its price: it will take a connection, or somebody listens. */
  get wantsSite(): boolean {
    return this.#lease === undefined || channels.statement.hasSubscribers
  }

  // ------------------------------------------------------------------------------------- statements

  /** Sends one statement in its turn; the first one takes a connection and begins a transaction. */
  send(config: unknown, callback: DriverCallback, capture: SiteCapture | null, reads = false): void {
    if (this.#ended) return callback(this.#ended)
    const askedAt = performance.now()
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
        this.#withConnection(
          capture,
          lease => this.#run(lease, config, askedAt, capture, finish),
          finish,
          reads && this.engine.options.pipeline
            ? lease => this.#runWithBegin(lease, config, askedAt, capture, finish)
            : undefined,
        )
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
    if (this.#ended) return refuse(this.#ended)
    const askedAt = performance.now()
    this.#fifo.push({
      refuse,
      start: done => {
        // Nobody reads it any more: there is no reason to trouble the server.
        if (submittable.destroyed) return done()
        const send = (lease: Lease) => {
          this.#announce(lease, askedAt, capture)
          onSubmittableEnd(submittable, ({ error, command }) => {
            this.#answered(lease.hold.driver, error, command)
            this.#giveBackBetweenStatements()
            done()
          })
          lease.hold.driver.query(submittable)
        }
        this.#withConnection(capture, send, error => {
          refuse(error as Error)
          done()
        })
      },
    })
  }

  #withConnection(
    capture: SiteCapture | null,
    use: (lease: Lease) => void,
    refuse: (error: Error) => void,
    beginWith?: (lease: Lease) => void,
  ): void {
    switch (this.#state) {
      case 'active':
        if (this.#lease) return use(this.#lease)
        break
      case 'failed':
        // The server would refuse it with 25P02. A ROLLBACK TO SAVEPOINT comes through `control`.
        if (this.#lease) return use(this.#lease)
        break
      case 'lost':
        return refuse(this.#lostError())
      case 'ended':
        return refuse(this.#ended ?? this.#endedError())
      case 'idle':
        break
      default:
        this.#state satisfies never
    }
    this.#take(capture).then(
      async lease => {
        if (beginWith && 'pipeline' in lease.hold.driver) return beginWith(lease)
        try {
          await this.#begin(lease)
        } catch (error) {
          return refuse(error as Error)
        }
        use(lease)
      },
      (error: Error) => refuse(error),
    )
  }

  async #take(capture: SiteCapture | null): Promise<Lease> {
    const { engine } = this
    const asker = () => ({ session: this.id, request: this.request, capture })
    const lease = await takeCleanLease(engine, asker, this.#owner.signal)
    if (this.#ended && this.#state === 'ended') {
      lease.hold.release()
      throw this.#ended
    }
    lease.hold.driver.on('error', this.#onConnectionError)
    this.#lease = lease
    return lease
  }

  async #begin(lease: Lease): Promise<void> {
    const { options, owned } = this.engine
    try {
      if (options.mode === 'transaction') await this.#control(beginText(this.#beginOptions))
      // On a pool of our own the setting was made as the connection was opened.
      else if (options.access === 'read' && !owned) await this.#control(READ_ONLY_SESSION)
    } catch (cause) {
      this.#discard(lease, 'BEGIN failed')
      throw this.#connectionLost(cause as Error, 'before its first statement')
    }
    this.#move('begin')
  }

  get #beginOptions() {
    const { options } = this.engine
    return {
      readOnly: options.access === 'read',
      statementTimeoutMs: options.statementTimeoutMs,
      idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs,
    }
  }

  /** BEGIN and a reading statement in one round trip. If BEGIN fails nothing was written: only then is that safe. */
  #runWithBegin(
    lease: Lease,
    config: unknown,
    askedAt: number,
    capture: SiteCapture | null,
    callback: DriverCallback,
  ): void {
    const { driver } = lease.hold
    driver.pipeline = true
    const begun = this.#begin(lease)
    begun.catch(() => {})
    this.#run(lease, config, askedAt, capture, (error, result) => {
      driver.pipeline = false
      begun.then(
        () => callback(error, result),
        (failure: Error) => callback(failure),
      )
    })
  }

  #run(
    lease: Lease,
    config: unknown,
    askedAt: number,
    capture: SiteCapture | null,
    callback: DriverCallback,
  ): void {
    const { driver } = lease.hold
    this.#announce(lease, askedAt, capture)
    const { statementTimeoutMs } = this.engine.options
    let over = false
    const answer: DriverCallback = (error, result) => {
      if (over) return
      over = true
      deadline?.stop()
      this.#answered(driver, error ?? null, commandOf(result))
      if (error) return callback(this.#tell(error))
      if (this.engine.options.traceRows) rememberRows(result, this)
      callback(null, result)
    }
    const deadline =
      statementTimeoutMs === undefined
        ? undefined
        : startStatementDeadline(this.engine, statementTimeoutMs, error => {
            void cancelStatement(driver)
            this.#lose(error)
            answer(error)
          })
    // Every statement goes out with a callback: pg's promise would capture a stack of its own for each error.
    driver.query(config, answer)
  }

  #announce(lease: Lease, askedAt: number, capture: SiteCapture | null): void {
    this.#statements++
    const record = lease.pool.ledger.recordOf(lease.hold.driver)
    if (!record) return
    const now = performance.now()
    record.changedAt = now
    if (channels.statement.hasSubscribers) record.upcoming = { queuedMs: now - askedAt, capture }
  }

  /** Follows the server's status byte, which is right whatever text was sent (a raw COMMIT, a ROLLBACK TO). */
  #answered(driver: DriverConnection, error: Error | null, command: string | null): void {
    const lease = this.#lease
    if (!lease || lease.hold.driver !== driver) return
    const record = lease.pool.ledger.recordOf(driver)
    if (record) record.changedAt = performance.now()
    if (error) {
      if (failureOf(error) === 'connection') return this.#lose(error)
      if (this.engine.options.mode === 'transaction') {
        this.#failure ??= error
        if (this.#state === 'active') this.#move('fail')
      }
      return
    }
    if (command && CHANGING.has(command)) this.#owner.wrote(this)
    if (this.engine.options.mode !== 'transaction' || this.#state === 'idle') return
    switch (driver.getTransactionStatus?.()) {
      case 'I':
        // The statement itself ended the transaction.
        this.#move(command === 'COMMIT' ? 'commit' : 'rollback')
        return this.#giveBack()
      case 'T':
        if (this.#state === 'failed') {
          this.#failure = undefined
          this.#move('recover')
        }
        return
      case 'E':
        if (this.#state === 'active') this.#move('fail')
        return
    }
  }

  /** A statement's error as the caller sees it: the server's own, unless the session or its connection is the reason. */
  #tell(error: Error): Error {
    if (error instanceof EnginelightError) return error
    if (this.#ended) return this.#endedError(error)
    if (failureOf(error) === 'connection')
      return this.#connectionLost(this.#failure ?? error, 'while a statement ran')
    const first = this.#failure
    if (sqlstateOf(error) === '25P02' && first && first !== error) {
      const facts = errorFacts(first)
      return new EnginelightError(
        'EL_TRANSACTION_FAILED',
        `The transaction of ${this.#name} failed before this statement (${facts.code}: ${facts.message}); only rollback() is possible.`,
        { engine: this.engine.name, session: this.id, sqlstate: '25P02', cause: first },
      )
    }
    return error
  }

  // ----------------------------------------------------------------------------- transaction control

  /**
   * Commits and gives the connection back. Throws EL_COMMIT_ROLLED_BACK when the server answered with ROLLBACK,
   * EL_COMMIT_FAILED when COMMIT itself failed, EL_COMMIT_UNKNOWN when the connection went away before the answer.
   */
  commit(): Promise<void> {
    return this.#turn('commit', async () => {
      if (this.#state === 'idle') return
      if (this.#state === 'failed') {
        const cause = this.#failure
        await this.#endTransaction('rollback')
        throw this.#commitRolledBack(cause)
      }
      const failure = this.#failure
      let result: DriverResult
      try {
        result = await this.#control(COMMIT)
      } catch (error) {
        throw this.#commitFailed(error as Error)
      }
      const committed = commandOf(result) === 'COMMIT'
      this.#move(committed ? 'commit' : 'rollback')
      this.#giveBack()
      if (!committed) throw this.#commitRolledBack(failure)
    })
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
    if (this.#state === 'active' || this.#state === 'failed') {
      try {
        await this.#control(ROLLBACK, ROLLBACK_DEADLINE_MS)
      } catch (error) {
        // Nothing of the transaction survives its connection, so the rollback is done all the same.
        if (this.#lease) this.#discard(this.#lease, 'rollback failed')
        if (failureOf(error) === 'statement') throw error
      }
    }
    if (this.#state === 'ended') return
    this.#move(move)
    this.#giveBack()
  }

  /** Runs a text of transaction control in the turn that is already ours. */
  control(text: string): Promise<DriverResult> {
    return this.#control(text)
  }

  async #control(text: string, deadlineMs?: number): Promise<DriverResult> {
    const lease = this.#lease
    if (!lease) throw this.#lostError()
    return new Promise((resolve, reject) => {
      const timer =
        deadlineMs === undefined
          ? undefined
          : setTimeout(() => reject(new Error(`no answer to ${text} within ${deadlineMs} ms`)), deadlineMs)
      lease.hold.driver.query(text, (error: Error | null, result?: DriverResult) => {
        clearTimeout(timer)
        if (error) reject(error)
        else resolve(result as DriverResult)
      })
    })
  }

  /** Waits for its turn in the session's queue and holds it until `work` is done. */
  #turn<T>(move: SessionMove, work: () => Promise<T>): Promise<T> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise<T>((resolve, reject) => {
      this.#fifo.push({
        refuse: reject,
        start: done => {
          if (!after(this.#state, move)) {
            reject(this.#state === 'lost' ? this.#lostError() : this.#illegal(move))
            return done()
          }
          work().then(resolve, reject).finally(done)
        },
      })
    })
  }

  /** A turn that opens the transaction if none is open: for savepoints. */
  async openTurn(capture: SiteCapture | null): Promise<void> {
    this.requireTransactions('savepoint()')
    if (this.#ended) throw this.#ended
    if (this.#lease && this.#state !== 'lost') return
    await new Promise<void>((resolve, reject) => {
      this.#fifo.push({
        refuse: reject,
        start: done =>
          this.#withConnection(
            capture,
            () => (resolve(), done()),
            error => (reject(error), done()),
          ),
      })
    })
  }

  /** Sends control text in a turn of its own, through the queue and with the statement's bookkeeping. */
  controlInTurn(text: string, capture: SiteCapture | null): Promise<DriverResult> {
    return this.query(text, capture)
  }

  requireTransactions(what: string): void {
    if (this.engine.options.mode === 'transaction') return
    throw new EnginelightError(
      'EL_ILLEGAL_MOVE',
      `${what} needs a transaction, and engine "${this.engine.name}" is in autocommit.`,
      {
        engine: this.engine.name,
        session: this.id,
        move: 'savepoint',
        legalMoves: [],
      },
    )
  }

  // ------------------------------------------------------------------------------------- the end

  /**
   * Ends the session: what runs may finish within `graceMs`, then is cancelled on the server; what is uncommitted
   * is rolled back; the connection goes back, or is closed where it cannot be trusted. Idempotent, never rejects.
   * Resolves to whether the connection is confirmed released.
   */
  end(graceMs: number): Promise<boolean> {
    this.#ended ??= this.#endedError()
    return (this.#ending ??= this.#end(graceMs))
  }

  async #end(graceMs: number): Promise<boolean> {
    let released = true
    if (this.#fifo.busy && graceMs > 0) await settled(this.#fifo.whenIdle(), graceMs)
    this.#fifo.refuseWaiting(this.#ended as Error)
    if (this.#fifo.busy) await this.#cutShort()
    const lease = this.#lease
    if (lease) {
      try {
        await this.#endTransaction('release')
      } catch {
        this.#discard(lease, 'rollback failed')
      }
      released = this.#lease === undefined
    }
    this.#state = 'ended'
    if (channels.session.hasSubscribers) {
      channels.session.publish({
        phase: 'end',
        at: performance.now(),
        id: this.id,
        engine: this.engine.name,
        request: this.request.id,
        released,
        statements: this.#statements,
      })
    }
    return released
  }

  /** A statement still runs: it is cancelled, and its connection closed, since the cancel could hit a later one. */
  async #cutShort(): Promise<void> {
    const lease = this.#lease
    // It waits for a connection: the owner's signal has ended that.
    if (!lease) return void (await settled(this.#fifo.whenIdle(), CANCEL_DEADLINE_MS))
    await cancelStatement(lease.hold.driver)
    await settled(this.#fifo.whenIdle(), CANCEL_DEADLINE_MS)
    if (this.#lease === lease) this.#discard(lease, 'cancelled')
  }

  /** The connection may still be busy with a statement that its caller gave up: it must not be used again. */
  doubt(reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason))
    const { driver } = this.#lease?.hold ?? {}
    if (driver) void cancelStatement(driver)
    this.#lose(error)
  }

  #lose(error: Error): void {
    // A killed backend comes as two errors, the coded one first; and as a third where a statement was running.
    if (!this.#lease || this.#state === 'lost') return
    this.#failure = error
    this.#discard(this.#lease, errorFacts(error).code ?? 'connection lost')
    if (this.#state === 'ended') return
    if (this.engine.options.mode === 'autocommit') this.#state = 'idle'
    else if (after(this.#state, 'lose')) this.#move('lose')
  }

  #discard(lease: Lease, reason: string): void {
    const { driver } = lease.hold
    const record = lease.pool.ledger.recordOf(driver)
    if (record) record.discarded ??= reason
    if (this.#lease === lease) this.#lease = undefined
    lease.hold.discard()
    // The listener stays: a socket that is being torn down may still say why.
  }

  #giveBack(): void {
    const lease = this.#lease
    if (!lease) return
    const { driver } = lease.hold
    const status = driver.getTransactionStatus?.()
    if (driver.readyForQuery === false || status === 'T' || status === 'E')
      return this.#discard(lease, 'not idle at release')
    this.#lease = undefined
    this.#failure = undefined
    lease.hold.release()
    driver.removeListener('error', this.#onConnectionError)
  }

  /** In autocommit a connection is held for the statement alone. */
  #giveBackBetweenStatements(): void {
    const { options, owned } = this.engine
    if (options.mode !== 'autocommit' || !this.#lease || this.#state !== 'active') return
    if (this.#fifo.waiting > 0) return
    const lease = this.#lease
    if (options.access === 'read' && !owned) {
      // Kept busy by this, so the connection is given back when it has answered.
      void this.#control(RESET_READ_ONLY_SESSION).then(
        () => this.#returnIdle(),
        () => this.#discard(lease, 'reset failed'),
      )
      return
    }
    this.#returnIdle()
  }

  #returnIdle(): void {
    if (this.#state === 'active') this.#move('release')
    this.#giveBack()
  }

  // --------------------------------------------------------------------------------- words and errors

  #move(move: SessionMove): void {
    const next = after(this.#state, move)
    if (!next) throw this.#illegal(move)
    if (next === this.#state) return
    this.#state = next
    if (channels.session.hasSubscribers) {
      const { id } = this
      channels.session.publish({
        phase: 'state',
        at: performance.now(),
        id,
        engine: this.engine.name,
        request: this.request.id,
        state: next,
      })
    }
  }

  get #name(): string {
    return `session ${this.id} of engine "${this.engine.name}"`
  }

  #illegal(move: SessionMove): EnginelightError {
    const legal = legalMoves(this.#state)
    return new EnginelightError(
      'EL_ILLEGAL_MOVE',
      `${move}() is not possible while ${this.#name} is ${this.#state}; possible: ${legal.join(', ')}.`,
      { engine: this.engine.name, session: this.id, state: this.#state, move, legalMoves: legal },
    )
  }

  #endedError(cause?: unknown): EnginelightError {
    const { label, id } = this.request
    return new EnginelightError(
      'EL_ENDED',
      `The ${this.#name} has ended with its request, ${label} (${id}).`,
      {
        engine: this.engine.name,
        session: this.id,
        cause,
      },
    )
  }

  #lostError(): EnginelightError {
    return this.#connectionLost(this.#failure, 'and its transaction with it; rollback() begins anew')
  }

  #connectionLost(cause: unknown, when: string): EnginelightError {
    if (cause instanceof EnginelightError) return cause
    const facts = errorFacts(cause)
    const code = facts.code === null ? '' : `${facts.code}, `
    return new EnginelightError(
      'EL_CONNECTION_LOST',
      `The connection of ${this.#name} was lost ${when}: ${code}${facts.message}.`,
      {
        engine: this.engine.name,
        session: this.id,
        ...(facts.code === null ? {} : { sqlstate: facts.code }),
        cause,
      },
    )
  }

  #commitRolledBack(cause: unknown): EnginelightError {
    const facts = cause === undefined ? undefined : errorFacts(cause)
    const why = facts
      ? `an earlier statement had failed (${facts.code ?? facts.type}: ${facts.message})`
      : 'the server rolled it back'
    return new EnginelightError('EL_COMMIT_ROLLED_BACK', `Nothing of ${this.#name} was committed: ${why}.`, {
      engine: this.engine.name,
      session: this.id,
      cause,
    })
  }

  #commitFailed(error: Error): EnginelightError {
    const facts = errorFacts(error)
    if (failureOf(error) === 'connection') {
      this.#lose(error)
      return new EnginelightError(
        'EL_COMMIT_UNKNOWN',
        `The connection of ${this.#name} was lost before COMMIT was answered (${facts.code ?? facts.message}): whether it is committed is unknown.`,
        { engine: this.engine.name, session: this.id, cause: error },
      )
    }
    this.#move('rollback')
    this.#giveBackWhenAnswered()
    return new EnginelightError(
      'EL_COMMIT_FAILED',
      `COMMIT of ${this.#name} failed and everything was rolled back: ${facts.code}, ${facts.message}.`,
      {
        engine: this.engine.name,
        session: this.id,
        ...(facts.code === null ? {} : { sqlstate: facts.code }),
        cause: error,
      },
    )
  }

  /** After an error pg has not read the ReadyForQuery yet; the status byte in hand is the one from before. */
  #giveBackWhenAnswered(): void {
    const lease = this.#lease
    if (!lease) return
    const { driver } = lease.hold
    if (driver.readyForQuery !== false) return this.#giveBack()
    this.#lease = undefined
    this.#failure = undefined
    driver.query('', (error: Error | null) => {
      driver.removeListener('error', this.#onConnectionError)
      if (error || driver.getTransactionStatus?.() !== 'I') lease.hold.discard()
      else lease.hold.release()
    })
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
