import { channels } from '../channels/channels.ts'
import type { Discard } from '../channels/words.ts'
import { isOpen } from '../dialect/transaction-status.ts'
import { startDeadline } from '../clock/deadline.ts'
import type { Engine } from '../engines/engine.ts'
import type { Lease } from '../pool/check-out.ts'
import { here } from '../identity/ids.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { ConnectionRecord } from '../pool/records.ts'
import { cancelStatement } from '../postgres/cancel.ts'
import { DISCARD_ALL } from '../postgres/control.ts'
import {
  forgetPrepared,
  isTextAndValues,
  type DriverCallback,
  type DriverConnection,
  type DriverResult,
  type TextAndValues,
} from '../postgres/driver.ts'
import { beginningQuery, type Begun } from '../postgres/beginning-query.ts'
import { EnclosedStatement, sendEnclosed } from '../postgres/enclosed-statement.ts'
import { endWithin } from '../postgres/goodbye.ts'
import { onReady } from '../postgres/ready.ts'
import { failureOn } from '../postgres/sqlstate.ts'
import { statusOf } from '../postgres/transaction-status.ts'
import { faultPoint } from '../identity/fault-points.ts'

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

type ControlStatement = string | { text: string; values: unknown[] }
const textOf = (statement: ControlStatement) => (typeof statement === 'string' ? statement : statement.text)

const unanswered = (text: string | undefined, deadlineMs: number) =>
  new Error(`no answer to ${text} within ${deadlineMs} ms`)

/** How long pg may take to read the rest of an answer, before the connection is closed instead of returned. */
const DRAIN_DEADLINE_MS = 1_000
/** How long a setting may take to be put back, before the connection is closed instead. */
const RESET_DEADLINE_MS = 5_000
/** How long the server may take to close a connection that was told so. */
const GOODBYE_DEADLINE_MS = 2_000

/**
 * A connection while a session holds it. It listens for the connection's errors as long as that lasts (a backend that
 * is killed while idle must not end the process), and gives the connection back exactly once: to the pool when it is
 * idle and clean, otherwise by closing it.
 */
export class HeldConnection {
  readonly driver: DriverConnection
  readonly #engine: Engine
  readonly #lease: Lease
  readonly #record: ConnectionRecord | undefined
  readonly #onError: (error: Error) => void
  #onSetting: ((setting: { parameterName?: string; parameterValue?: string }) => void) | undefined
  /** A statement has let the next transactions of the connection write, although its session only reads. */
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

  /**
   * Listens for the server's word that the next transactions may write: a function can switch that as well, which no text
   * shows. Servers before 14 do not say it.
   */
  watchReadOnly(): void {
    this.#onSetting = ({ parameterName, parameterValue }) => {
      if (parameterName === 'default_transaction_read_only') this.isWritable = parameterValue === 'off'
    }
    this.driver.connection?.on?.('parameterStatus', this.#onSetting)
  }

  #stopListening(): void {
    this.driver.removeListener('error', this.#onError)
    if (this.#onSetting) this.driver.connection?.removeListener?.('parameterStatus', this.#onSetting)
  }

  /** Whether the server has answered everything. After an error that comes later than the error itself. */
  get isReady(): boolean {
    return this.driver.readyForQuery !== false
  }

  /** Whether the server has answered everything and has no transaction open. */
  get isIdle(): boolean {
    return this.isReady && statusOf(this.driver) === 'none'
  }

  /**
   * Whether the driver gave up on a statement by itself, and what the server says of the transaction is still to come. A lease
   * of a host waits for that by itself.
   */
  isUnread(error: Error): boolean {
    return !this.isReady && !this.driver.isBorrowed && failureOn(this.driver, error) === 'driver'
  }

  /** Calls when the server has answered everything, or the connection is gone before. */
  whenReady(ready: () => void): void {
    onReady(this.driver, ready)
  }

  /** Enters that a statement is about to be sent, and what the watching of the connection cannot know about it. */
  announce(queuedMs: number, capture: SiteCapture | null): void {
    this.#isExecuting = true
    const record = this.#record
    if (!record) return
    record.changedAt = performance.now()
    if (channels.statement.hasSubscribers) record.upcoming.said = { queuedMs, capture }
  }

  /**
   * Has the driver write one statement at a time, where the pool that it comes from lets it write ahead. The returned
   * function puts it back as it was.
   */
  oneByOne(): () => void {
    const { driver } = this
    if (!driver.pipeline) return () => {}
    driver.pipeline = false
    return () => void (driver.pipeline = true)
  }

  /** Whether a statement of the session runs, as opposed to its own BEGIN or COMMIT. */
  get isExecuting(): boolean {
    return this.#isExecuting
  }

  answered(): void {
    this.#isExecuting = false
    if (this.#record) this.#record.changedAt = performance.now()
  }

  /** Sends a statement. With a callback: pg's promise would capture a stack of its own for each error. */
  query(config: unknown, callback: DriverCallback): void {
    // pg copies a config property by property; a text and its values it takes as they are.
    if (isTextAndValues(config)) this.driver.query(config.text, config.values, callback)
    else if (config instanceof EnclosedStatement) sendEnclosed(this.driver, config, callback)
    else this.driver.query(config, callback)
  }

  /**
   * Sends a statement together with the BEGIN of its transaction. `begun` is told once, before `callback` is: null when BEGIN is
   * answered, else the driver's error, or that no answer came within `deadlineMs`; then nobody may use the connection again.
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
    this.driver.query(beginningQuery(this.driver, statement, callback, { texts, begun: tell }))
  }

  /**
   * Sends transaction control, or another statement of our own. Rejects with the driver's error, or when no answer comes
   * within `deadlineMs`; then nobody may use the connection again.
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
      this.driver.query(statement, answer)
    })
  }

  /** Asks the server to cancel what runs, until `over`. From then on it can only be closed: the cancel may come late. */
  cancel(over?: Promise<void>): Promise<void> {
    return (this.#cancelled ??= cancelStatement(this.driver, over))
  }

  /**
   * Back to the pool. pg tells of an error before it has read the ReadyForQuery that follows; then it goes back when
   * that has come, and is closed if it does not come.
   */
  giveBack(): void {
    if (this.#given) return
    if (this.#cancelled) return this.discard('cancelled')
    if (this.driver.isBorrowed) return this.#handBack()
    const { resets } = this.#engine
    if (resets.length > 0) this.#returned = this.#resetAndReturn(resets)
    else if (this.driver.readyForQuery !== false) this.#return()
    else this.#returned = this.#returnWhenIdle()
  }

  /** While it is on its way back to the pool; undefined when it went at once. Never rejects. */
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
    if (resets.includes(DISCARD_ALL)) forgetPrepared(this.driver)
    this.#return()
  }

  #returnWhenIdle(): Promise<void> {
    this.#given = true
    return new Promise(resolve => {
      const stop = onReady(this.driver, isOpen => {
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
    faultPoint('release:due', this.driver)
    if (isOpen(statusOf(this.driver))) return this.#close('in a transaction at release')
    this.#lease.hold.release()
    // After the release: from here the pool listens again.
    this.#stopListening()
  }

  /** To its host, whatever state that has it in. */
  #handBack(): void {
    this.#given = true
    // Before: nothing of ours stays on it, and what the host does next is no business of this session.
    this.driver.removeListener('error', this.#onError)
    this.#lease.hold.release()
  }

  /** Closes the connection instead of giving it back. */
  discard(reason: Discard): void {
    if (this.#given) return
    // It is not ours to close. The lease waits for what still runs on it.
    if (this.driver.isBorrowed) return this.#handBack()
    this.#given = true
    this.#close(reason)
  }

  #close(reason: Discard): void {
    if (this.#record) this.#record.discarded ??= reason
    const { driver } = this
    // pg would wait for the answers to what it has sent ahead, and over a silent network for ever.
    if (driver.pipeline && driver.readyForQuery === false) driver.connection?.stream?.destroy()
    else endWithin(driver, GOODBYE_DEADLINE_MS)
    // Our listener stays: a socket that is being torn down may still say why.
    this.#lease.hold.discard()
  }
}
