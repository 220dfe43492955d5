import { EnginelightError } from '../channels/errors.ts'
import type { Engine } from '../engines/engine.ts'
import { faultPoint } from '../identity/fault-points.ts'
import type { RequestScope } from '../requests/request-scope.ts'
import { takeCleanLease } from './clean-lease.ts'
import { refuseControl } from './control-texts.ts'
import type { Fifo } from './fifo.ts'
import { HeldConnection } from './held-connection.ts'
import * as errors from './session-errors.ts'
import type { SessionLife } from './session-life.ts'
import type { SessionOwner } from './session-owner.ts'
import { textOf, type Statement } from './statement.ts'

/** What is used of the session that needs a connection. */
export interface ConnectingSession {
  readonly id: string
  readonly engine: Engine
  readonly request: RequestScope
  readonly owner: SessionOwner
  /** The error for a commit while a unit is open; undefined where none is. */
  readonly commitRefusal: Error | undefined
  /** Its end waits no longer: nothing more is sent. */
  readonly isCut: boolean
}

type Use = (held: HeldConnection) => void
type Refuse = (error: Error) => void

/** Gives a session's statements the connection it holds. If it holds none, checks one out and begins its transaction. */
export class Connecting {
  readonly #session: ConnectingSession
  readonly #life: SessionLife
  readonly #queue: Pick<Fifo, 'waiting'>

  constructor(session: ConnectingSession, life: SessionLife, queue: Pick<Fifo, 'waiting'>) {
    this.#session = session
    this.#life = life
    this.#queue = queue
  }

  /** Calls `use` when the statement may be sent, or `refuse` with the reason why not. */
  connect(statement: Statement, use: Use, refuse: Refuse): void {
    if (statement.askedAt > 0) statement.queuedMs = performance.now() - statement.askedAt
    const refused = this.#refusal(statement)
    if (refused) return refuse(refused)
    const { state, held } = this.#life
    if (state === 'lost') return refuse(this.#life.lostError())
    if (state === 'ended' || this.#session.isCut) return refuse(errors.sessionEnded(this.#session))
    if (held && state === 'failed') {
      // The transaction status comes after the error. If none is open any more, the statement would commit by itself.
      if (!held.isReady) return held.whenReady(() => this.connect(statement, use, refuse))
      if (held.isIdle) return this.#afterFailedCommit(statement, use, refuse)
    }
    // In a failed transaction too: a ROLLBACK TO SAVEPOINT may recover it, and the server refuses all else.
    if (held && state !== 'idle') return this.#useHeld(held, statement, use, refuse)
    const { pause } = this.#session.owner
    // The commit already holds the queues of all its sessions, so it does not wait for this one.
    if (pause) return void pause.then(() => this.connect(statement, use, refuse))
    const refusal = this.#session.owner.refusal(this.#session)
    if (refusal) return refuse(refusal)
    this.#takeAndBegin(statement, use).catch(refuse)
  }

  /** Why a statement's text is not sent; null or undefined where it is. */
  #refusal({ config, control, capture, isSingle }: Statement): Error | null | undefined {
    if (this.#life.isReadOnly && !isSingle) {
      const words = this.#session.engine.dialect.reading.undoesReadOnly(
        textOf(this.#session.engine.dialect, config),
        (config as { values?: unknown }).values,
      )
      if (words) return errors.onlyReads(this.#session, words)
    }
    return control && refuseControl(this.#session, control, capture)
  }

  /** Checks first that the host would still use this borrowed connection for the statement's caller. */
  #useHeld(held: HeldConnection, statement: Statement, use: Use, refuse: Refuse): void {
    const elsewhere = held.driver.borrowed?.elsewhere(statement.config)
    if (!elsewhere) return use(held)
    void elsewhere.then(other => {
      if (other)
        refuse(errors.inAnotherTransaction(this.#session, held.driver.serverId, other.processID ?? null))
      else if (this.#life.held === held && !this.#session.isCut) use(held)
      else this.connect(statement, use, refuse)
    })
  }

  async #takeAndBegin(statement: Statement, use: Use): Promise<void> {
    const { id, engine, request, owner } = this.#session
    const life = this.#life
    const unsupported = life.unsupported()
    if (unsupported) throw unsupported
    const asker = () => ({ session: id, request, capture: statement.capture })
    const lease = await takeCleanLease(engine, asker, owner.abandoned)
    faultPoint('check-out:granted', lease.hold.driver.raw)
    if (life.state === 'ended') {
      lease.hold.release()
      throw errors.sessionEnded(this.#session)
    }
    const held: HeldConnection = new HeldConnection(engine, lease, error => life.lose(held, error))
    life.take(held)
    life.begunAt = null
    if (engine.options.rule.ends === 'statement' && life.isReadOnly) held.watchReadOnly()
    if (this.#bringsBegin(statement, held)) {
      statement.beginning = life.beginTexts()
      return use(held)
    }
    await life.begin(held)
    // A ROLLBACK may follow BEGIN by now: sent after it, the statement would commit by itself.
    if (this.#session.isCut) throw errors.sessionEnded(this.#session)
    use(held)
  }

  /** A COMMIT sent as text has failed, so no transaction is open: the next statement must not commit by itself. */
  #afterFailedCommit(statement: Statement, use: Use, refuse: Refuse): void {
    this.#life.move('rollback')
    this.#life.giveBack()
    this.connect(statement, use, refuse)
  }

  /** Whether BEGIN can be pipelined with the statement. Not with settings, which go between the two. */
  #bringsBegin({ config, isSingle }: Statement, { driver }: HeldConnection): boolean {
    const { engine, request } = this.#session
    const { pipeline, rule } = engine.options
    return pipeline && rule.begins && !request.annotate && driver.canBringBegin(config, isSingle)
  }

  /**
   * Autocommit keeps its connection while statements are queued behind this one. A borrowed connection is returned
   * after each, because the host may use another next time.
   */
  giveBackBetweenStatements(): void {
    const { keeps } = this.#session.engine.options.rule
    if (keeps === 'transaction' || this.#life.state !== 'active') return
    if (keeps === 'queue' && this.#queue.waiting > 0) return
    // Inside a savepoint of the session, a borrowed connection stays with it.
    if (this.#life.held?.driver.borrowed?.isInUnit) return
    const held = this.#life.letGo()
    if (!held) return
    this.#life.move('release')
    held.giveBack()
  }

  /** Discards the connection: it may still be busy with a statement that its caller gave up. */
  doubt(reason: unknown): void {
    const { held } = this.#life
    if (!held) return
    void held.cancel()
    const cause = reason instanceof Error ? reason : new Error(String(reason))
    const error = cause instanceof EnginelightError ? cause : errors.unansweredStatement(this.#session, cause)
    this.#life.lose(held, error)
  }
}
