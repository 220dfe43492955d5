import { channels } from '../channels/channels.ts'
import type { Discard } from '../channels/words.ts'
import { isOpen } from '../dialect/transaction-status.ts'
import { startDeadline } from '../clock/deadline.ts'
import type { Engine } from '../engines/engine.ts'
import type { Lease } from '../pool/check-out.ts'
import { here } from '../identity/ids.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { ConnectionRecord } from '../pool/records.ts'
import type { Begun, DriverConnection } from '../dialect/connection.ts'
import type { DriverCallback, DriverResult } from '../dialect/result.ts'
import type { TextAndValues } from '../dialect/statement.ts'
import { faultPoint } from '../identity/fault-points.ts'

/** What identifies a session's connection, from the engine to the server's process and our own. */
export interface SessionIdentity {
  readonly engine: string
  readonly pool: string
  readonly slot: number
  readonly connection: string
  readonly backendPid: number | null
  readonly pid: number
  readonly thread: number
}

type ControlStatement = string | { text: string; values: unknown[] }
const textOf = (statement: ControlStatement) => (typeof statement === 'string' ? statement : statement.text)

const unanswered = (text: string | undefined, deadlineMs: number) =>
  new Error(`no answer to ${text} within ${deadlineMs} ms`)

/** How long pg may take to read the rest of an answer, before the connection is closed instead of returned. */
const DRAIN_DEADLINE_MS = 1_000
/** How long a reset statement may take, before the connection is closed instead. */
const RESET_DEADLINE_MS = 5_000
/** How long the server may take to close a connection that was told to close. */
const GOODBYE_DEADLINE_MS = 2_000

/**
 * A connection while a session holds it. It listens for the connection's errors until the release, because a backend
 * killed while idle must not end the process. It releases the connection exactly once: checked in when idle and clean,
 * otherwise closed.
 */
export class HeldConnection {
  readonly driver: DriverConnection
  readonly #engine: Engine
  readonly #lease: Lease
  readonly #record: ConnectionRecord | undefined
  readonly #onError: (error: Error) => void
  #stopWatchingReadOnly: (() => void) | undefined
  /** Whether a statement let the next transactions write, although the session only reads. */
  isWritable = false
  #given = false
  #isExecuting = false
  #returned: Promise<void> | undefined
  #cancelled: Promise<void> | undefined

  constructor(engine: Engine, lease: Lease, onError: (error: Error) => void) {
    this.#engine = engine
    this.#lease = lease
    this.driver = lease.hold.driver
    this.#record = lease.pool.books.recordOf(this.driver)
    this.#onError = onError
    this.driver.on('error', onError)
  }

  get identity(): SessionIdentity | undefined {
    const { books } = this.#lease.pool
    const record = books.recordOf(this.driver)
    if (!record) return undefined
    const { id: connection, slot, backendPid } = record
    return { engine: this.#engine.name, pool: books.pool, slot, connection, backendPid, ...here }
  }

  /** Hears of it where the server says that the next transactions may write: no text may show that. */
  watchReadOnly(): void {
    this.#stopWatchingReadOnly = this.driver.onWritable(isWritable => void (this.isWritable = isWritable))
  }

  #stopListening(): void {
    this.driver.off('error', this.#onError)
    this.#stopWatchingReadOnly?.()
  }

  /** Whether the server has answered everything. After an error this becomes true later than the error is reported. */
  get isReady(): boolean {
    return this.driver.isReady
  }

  /** Whether the server has answered everything and has no transaction open. */
  get isIdle(): boolean {
    return this.isReady && this.driver.status === 'none'
  }

  /**
   * Whether the driver gave up on a statement by itself, so the server's status is still to come. A host's lease waits
   * for that itself.
   */
  isUnread(error: Error): boolean {
    return !this.isReady && !this.driver.borrowed && this.driver.failureOn(error) === 'driver'
  }

  /** Calls back when the server has answered everything, or when the connection is lost before that. */
  whenReady(ready: () => void): void {
    this.driver.onReady(ready)
  }

  /** Records that a statement is about to be sent, with the facts that a watched connection cannot know. */
  announce(queuedMs: number, capture: SiteCapture | null): void {
    this.#isExecuting = true
    const record = this.#record
    if (!record) return
    record.changedAt = performance.now()
    if (channels.statement.hasSubscribers) record.upcoming.said = { queuedMs, capture }
  }

  /** Whether a statement of the session is running, as opposed to its own BEGIN or COMMIT. */
  get isExecuting(): boolean {
    return this.#isExecuting
  }

  answered(): void {
    this.#isExecuting = false
    if (this.#record) this.#record.changedAt = performance.now()
  }

  /**
   * Sends a statement together with the BEGIN of its transaction. `begun` is called once, before `callback`: with null
   * when BEGIN is answered, else with the driver's error, or with an error when no answer came within `deadlineMs`.
   * After an error the connection must not be used again.
   */
  beginWith(
    texts: readonly string[],
    statement: TextAndValues,
    { begun, callback, deadlineMs }: { begun: Begun; callback: DriverCallback; deadlineMs: number },
  ): void {
    let isTold = false
    const tell: Begun = error => {
      if (isTold) return
      isTold = true
      deadline.stop()
      begun(error)
    }
    const deadline = startDeadline(deadlineMs, () => tell(unanswered(texts[0], deadlineMs)))
    this.driver.sendWithBegin(statement, { texts, begun: tell }, callback)
  }

  /**
   * Sends transaction control, or another statement of our own. Rejects with the driver's error, or when no answer
   * comes within `deadlineMs`. Then the connection must not be used again.
   */
  control(statement: ControlStatement, deadlineMs: number): Promise<DriverResult> {
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(unanswered(textOf(statement), deadlineMs))
      const deadline = startDeadline(deadlineMs, giveUp)
      const answer: DriverCallback = (error, result) => {
        deadline.stop()
        if (error) reject(error)
        else resolve(result as DriverResult)
      }
      this.driver.send(statement, answer)
    })
  }

  /**
   * Asks the server to cancel the running statement, until `over`. Then the connection can only be closed, because the
   * cancel may arrive late.
   */
  cancel(over?: Promise<void>): Promise<void> {
    return (this.#cancelled ??= this.driver.cancel(over))
  }

  /**
   * Returns the connection to the pool. pg reports an error before it has read the ReadyForQuery that follows: then the
   * return waits for that, and the connection is closed if it does not come.
   */
  giveBack(): void {
    if (this.#given) return
    if (this.#cancelled) return this.discard('cancelled')
    if (this.driver.borrowed) return this.#handBack()
    const { resets } = this.#engine
    if (resets.length > 0) this.#returned = this.#resetAndReturn(resets)
    else if (this.driver.isReady) this.#return()
    else this.#returned = this.#returnWhenIdle()
  }

  /** Resolves when the connection has been returned or closed; undefined when that was at once. Never rejects. */
  get returned(): Promise<void> | undefined {
    return this.#returned
  }

  async #resetAndReturn(resets: readonly string[]): Promise<void> {
    this.#given = true
    try {
      for (const text of resets) await this.control(text, RESET_DEADLINE_MS)
    } catch {
      return this.#close('reset failed')
    }
    if (this.driver.dialect.texts.forgetsPrepared(resets)) this.driver.forgetPrepared()
    this.#return()
  }

  #returnWhenIdle(): Promise<void> {
    this.#given = true
    return new Promise(resolve => {
      const stop = this.driver.onReady(isOpen => {
        deadline.stop()
        if (isOpen) this.#return()
        else this.#close('lost at release')
        resolve()
      })
      const deadline = startDeadline(DRAIN_DEADLINE_MS, () => {
        stop()
        this.#close('not idle at release')
        resolve()
      })
    })
  }

  #return(): void {
    this.#given = true
    faultPoint('release:due', this.driver.raw)
    if (isOpen(this.driver.status)) return this.#close('in a transaction at release')
    this.#lease.hold.release()
    // After the release: from here on the pool listens again.
    this.#stopListening()
  }

  /** Returns a borrowed connection to its host, in any state. */
  #handBack(): void {
    this.#given = true
    // Before the release: no listener of ours stays on it, and what the host does next does not concern this session.
    this.driver.off('error', this.#onError)
    this.#lease.hold.release()
  }

  /** Closes the connection instead of giving it back. */
  discard(reason: Discard): void {
    if (this.#given) return
    // A host's connection is not ours to close. The lease waits for its running statement.
    if (this.driver.borrowed) return this.#handBack()
    this.#given = true
    this.#close(reason)
  }

  #close(reason: Discard): void {
    if (this.#record) this.#record.discarded ??= reason
    this.driver.endWithin(GOODBYE_DEADLINE_MS)
    // Our listener stays: a socket that is being torn down may still emit an error.
    this.#lease.hold.discard()
  }
}
