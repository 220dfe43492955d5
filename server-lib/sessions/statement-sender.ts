import { EventEmitter } from 'node:events'
import { faultPoint } from '../identity/fault-points.ts'
import { commandOf, type DriverCallback, type DriverResult } from '../dialect/result.ts'
import { EnclosedStatement, type TextAndValues } from '../dialect/statement.ts'
import type { DriverStream } from '../dialect/stream.ts'
import { NO_LINE } from '../identity/site.ts'
import { Connecting, type ConnectingSession } from './connecting.ts'
import type { Fifo } from './fifo.ts'
import type { HeldConnection } from './held-connection.ts'
import { rememberRows } from './row-sessions.ts'
import * as errors from './session-errors.ts'
import type { SessionLife, Sent } from './session-life.ts'
import { givenUp, textOf, type Statement } from './statement.ts'
import { startStatementDeadline, startStreamDeadline } from './statement-deadline.ts'
import { concerns, hasChanged, Writes } from './writes.ts'

/** What is used of the session whose statements are sent. */
export interface SendingSession extends ConnectingSession {
  /** Whether it has begun to end. */
  readonly isEnding: boolean
  /** Whether a transaction is open, or has failed or lost its connection and was not rolled back yet. */
  readonly isInTransaction: boolean
}

/** Sends statements whose turn has come on the session's connection, and follows the answers. */
export class StatementSender {
  readonly #session: SendingSession
  readonly #life: SessionLife
  readonly #connecting: Connecting
  /** The number of statements sent. */
  count = 0
  /** The stream being read, and the one it is piped into. */
  #read: (object | undefined)[] = []

  constructor(session: SendingSession, life: SessionLife, queue: Pick<Fifo, 'waiting'>) {
    this.#session = session
    this.#life = life
    this.#connecting = new Connecting(session, life, queue)
  }

  /** Sends a statement whose turn has come. Calls back when it is answered, or is not sent. */
  send(statement: Statement, callback: DriverCallback): void {
    if (statement.sender?.gaveUp) return callback(givenUp())
    this.#connecting.connect(statement, held => this.#run(held, statement, callback), callback)
  }

  /** Returns the connection between two statements in autocommit, and on a borrowed connection. */
  giveBackBetweenStatements(): void {
    this.#connecting.giveBackBetweenStatements()
  }

  doubt(reason: unknown): void {
    this.#connecting.doubt(reason)
  }

  #run(held: HeldConnection, statement: Statement, callback: DriverCallback): void {
    const { sender, beginning } = statement
    const { engine } = this.#session
    const refusal = this.#unwritable(statement.config)
    if (refusal) return callback(refusal)
    // Its sender gave up while the connection was opened.
    if (sender?.gaveUp && !beginning) return callback(givenUp())
    if (sender) sender.isSent = true
    this.count++
    this.#life.begunAt ??= statement.capture ?? NO_LINE
    held.announce(statement.queuedMs, statement.capture)
    const { statementTimeoutMs, traceRows } = engine.options
    let over = false
    const finish: DriverCallback = (error, result) => {
      if (over) return
      over = true
      faultPoint('statement:answered', held.driver.raw)
      if (sender) sender.isSent = false
      deadline?.stop()
      this.#answered(held, error ?? null, result, statement)
      if (error) return callback(this.#tell(error))
      if (traceRows) rememberRows(result, this.#session)
      callback(null, result)
    }
    let isUnread = false
    const answer: DriverCallback = (error, result) => {
      if (isUnread || over) return
      if (!error || !held.isUnread(error)) return finish(error, result)
      // pg calls back a second time for this statement, as if it had succeeded, or with the server's error.
      isUnread = true
      held.whenReady(() => finish(error))
    }
    let deadline: { stop(): void } | undefined
    const runs = () => {
      if (statementTimeoutMs === undefined || over) return
      deadline = startStatementDeadline(engine, statementTimeoutMs, error => {
        void held.cancel()
        this.#life.lose(held, error)
        finish(error)
      })
    }
    if (beginning) {
      const begun = (failure: Error | null) => {
        faultPoint('begin:answered', held.driver.raw)
        const lost = failure ? this.#life.beginFailed(held, failure) : this.#life.begun(held)
        if (lost) finish(lost)
        else runs()
      }
      const { beginTimeoutMs: deadlineMs } = engine.options
      held.beginWith(beginning, statement.config as TextAndValues, { begun, callback: answer, deadlineMs })
      faultPoint('begin:sent', held.driver.raw)
    } else {
      runs()
      try {
        held.driver.send(statement.config, answer)
      } catch (error) {
        if (over) throw error
        over = true
        deadline?.stop()
        this.#refusedByDriver(held, error as Error)
        return callback(error as Error)
      }
    }
    faultPoint('statement:sent', held.driver.raw)
  }

  // ----------------------------------------------------------------------------- cursors and streams

  /**
   * Runs a cursor or stream whose turn has come. Calls `done` when it is closed, or was not sent. `outlet` is the
   * stream that it is piped into.
   */
  stream(
    submittable: DriverStream,
    statement: Statement,
    outlet: object | undefined,
    refuse: (error: Error) => void,
    done: () => void,
  ): void {
    const notSent = (reason?: Error) => {
      this.giveBackBetweenStatements()
      if (reason) refuse(reason)
      done()
    }
    const send = (held: HeldConnection): void => {
      // Destroyed by its consumer while it waited: sent now, it would never be closed.
      if (submittable.destroyed) return notSent()
      if (!held.driver.takesStreams) return notSent(errors.noProtocol(this.#session))
      const refusal = this.#unwritable(submittable)
      if (refusal) return notSent(refusal)
      // pg would queue it, and run it even if it was destroyed meanwhile.
      if (!held.isReady) return held.whenReady(() => send(held))
      this.#read = [submittable, outlet]
      this.#drive(held, submittable, statement, done)
    }
    this.#connecting.connect(statement, send, error => {
      refuse(error)
      done()
    })
  }

  #drive(held: HeldConnection, submittable: DriverStream, statement: Statement, done: () => void): void {
    const { engine } = this.#session
    this.count++
    held.announce(statement.queuedMs, statement.capture)
    // pg refuses a cursor on a connection that pipelines; nothing else is under way on ours now.
    const restore = held.driver.oneByOne()
    let isRefused = false
    const tell = (error: Error) => (isRefused ? error : this.#tell(error))
    const { streams } = engine.dialect
    streams.tellErrors(submittable, tell)
    streams.closeWhenOver(submittable, tell)
    const { statementTimeoutMs } = engine.options
    const isOwed = () => streams.isOwedAnAnswer(submittable)
    // Closes the connection; the stream gets the error from that.
    const passed = (error: Error) => this.doubt(error)
    const deadline =
      statementTimeoutMs === undefined
        ? undefined
        : startStreamDeadline(engine, statementTimeoutMs, held.driver, isOwed, passed)
    streams.onEnd(submittable, ({ error, command }) => {
      deadline?.stop()
      restore()
      this.#read = []
      const over = () => {
        this.#answered(held, error, { command }, statement)
        this.giveBackBetweenStatements()
        done()
      }
      if (error && held.isUnread(error)) held.whenReady(over)
      else over()
    })
    try {
      held.driver.stream(submittable)
    } catch (error) {
      isRefused = true
      this.#refusedByDriver(held, error as Error)
      submittable.handleError?.(error as Error)
    }
  }

  /** Whether a stream is being read; its reader may take any time. */
  get isReading(): boolean {
    return this.#read.length > 0
  }

  /** Destroys the stream being read, with this error for its reader. */
  stopReading(error: Error): void {
    const [reading] = this.#read
    if (reading === undefined) return
    forgiveErrors(...this.#read)
    ;(reading as DriverStream).destroy?.(error)
  }

  // ----------------------------------------------------------------------------------------- answers

  #unwritable(config: unknown): Error | undefined {
    const { calls } = this.#session.engine.dialect
    const found = calls.unwritable(config instanceof EnclosedStatement ? config.statement : config)
    return found && errors.noText(this.#session, found.what, found.value)
  }

  /** The driver threw on the statement. If it had already made the statement its active one, it answers nothing ever after. */
  #refusedByDriver(held: HeldConnection, error: Error): void {
    held.answered()
    if (!held.isReady || !held.driver.takesStreams) this.#life.lose(held, error)
  }

  /** A statement's error as the caller sees it. */
  #tell(error: Error): Error {
    return this.#session.isEnding ? errors.sessionEnded(this.#session, error) : this.#life.tell(error)
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
    const { writing } = this.#session.engine.dialect
    if (error || !concerns(writing, result)) return
    if (this.#session.isInTransaction) {
      this.#life.writes ??= new Writes(this.#session.engine.dialect)
      this.#life.writes.follow(
        textOf(this.#session.engine.dialect, statement.config),
        result,
        statement.capture,
      )
    }
    if (!hasChanged(writing, result)) return
    this.#life.wrote = true
    this.#session.owner.wrote(this.#session)
  }
}

/** A stream piped to a client that has disconnected has no error listener: its end must not end the process. */
export function forgiveErrors(...streams: (object | undefined)[]): void {
  for (const stream of streams) {
    if (stream instanceof EventEmitter) stream.on('error', () => {})
  }
}
