import { EnginelightError } from '../channels/errors.ts'
import type { SiteCapture } from '../identity/site.ts'
import type { DriverResult } from '../dialect/result.ts'
import { EnclosedStatement, type Enclosure } from '../dialect/statement.ts'
import type { DriverStream } from '../dialect/stream.ts'
import type { Texts } from '../dialect/texts.ts'
import type { Sending, SessionCore } from '../sessions/session.ts'
import { unitHere, unitOf } from '../sessions/units/inside.ts'
import { LentPlace } from './lent-place.ts'
import type { LentOptions } from './lent-options.ts'
import { NO_UNITS, translate, type Notice, type Step, type Units } from './transaction-texts.ts'

type Sent = Extract<Step, { act: 'send' }>

/** A statement outside of the library's transactions waits for another client's transaction. */
const LENT = { isLent: true }
/** Used around one statement, with nothing in between: there is never a second of that name. */
const GUARD = 'el_lent'

/** By the texts of a dialect: its bytes are kept by these very lists. */
const enclosures = new WeakMap<Texts, Enclosure>()

function enclosureOf(texts: Texts): Enclosure {
  let known = enclosures.get(texts)
  if (!known) {
    known = { before: [texts.savepoint(GUARD)], behind: [texts.releaseSavepoint(GUARD)] }
    enclosures.set(texts, known)
  }
  return known
}

/**
 * What one client of a host has open on the session that it is lent. A transaction of the host has its place among the
 * session's savepoints from its BEGIN to its end. A statement outside of one gets a savepoint of its own: to the host,
 * such a statement commits or fails by itself.
 */
export class LentTransactions {
  readonly #core: SessionCore
  readonly #options: LentOptions
  readonly #isForOneStatement: boolean
  #units: Units = NO_UNITS
  #place: LentPlace | undefined
  onNotice: (notice: Notice) => void = () => {}

  constructor(core: SessionCore, options: LentOptions, isForOneStatement: boolean) {
    this.#core = core
    this.#options = options
    this.#isForOneStatement = isForOneStatement
  }

  get #texts(): Texts {
    return this.#core.engine.dialect.texts
  }

  get isOpen(): boolean {
    return this.#units.length > 0
  }

  async send(text: string, statement: unknown, capture: SiteCapture | null): Promise<DriverResult> {
    const step = this.#translate(text)
    if (step.act === 'refuse') throw step.error
    if (step.act === 'pass') return this.#pass(statement, capture)
    this.#core.requireTransactions(firstWords(step))
    if (step.act === 'answer') {
      if (step.notice) this.onNotice(step.notice)
      this.#became(step.units)
      return answered(step.command)
    }
    return this.#control(step, text, capture)
  }

  /**
   * Runs a cursor or stream, until it is closed. Rejects if it was not sent; later failures go to the cursor itself.
   */
  async submit(text: string, submittable: DriverStream, capture: SiteCapture | null): Promise<void> {
    const step = this.#translate(text)
    if (step.act === 'refuse') throw step.error
    if (step.act !== 'pass') {
      throw refused(
        text.trim().split(/\s/, 1)[0] ?? '',
        'send it as a text and not by a cursor or a query of its own',
      )
    }
    await this.#single(
      capture,
      sending => sending.submit(submittable, capture),
      sending => this.#around(submittable, capture, sending),
    )
  }

  /** The host is done with the client: what it left open is rolled back. */
  async abandon(): Promise<void> {
    const [unit] = this.#units
    if (unit && !this.#place?.isOver)
      await this.#query(this.#texts.rollbackToSavepoint(unit.savepoint), null).catch(() => {})
    this.#became(NO_UNITS)
  }

  /** The session is about to end: waiters get their turn, and are told of the end. */
  leave(): void {
    this.#place?.leave()
    this.#place = undefined
  }

  #translate(text: string): Step {
    const { transactionControl: policy } = this.#options
    const failed = this.#core.state === 'failed'
    const step = translate(this.#units, text, {
      dialect: this.#core.engine.dialect,
      policy,
      failed,
      isolation: this.#core.isolation,
      onlyReads: this.#core.onlyReads,
    })
    return this.#isForOneStatement && opens(step, this.#units)
      ? {
          act: 'refuse',
          error: refused(firstWords(step), 'a transaction needs a client of its own, by pool.connect()'),
        }
      : step
  }

  // ------------------------------------------------------------------------------------- statements

  #pass(statement: unknown, capture: SiteCapture | null): Promise<DriverResult> {
    return this.#single(
      capture,
      sending => sending.query(statement, capture),
      sending => this.#enclosed(statement, capture, sending),
    )
  }

  /**
   * Inside the host's transaction it runs as it comes; outside, in its turn and guarded. Nothing else is sent in
   * between.
   */
  async #single<T>(
    capture: SiteCapture | null,
    plain: (sending: Sending) => Promise<T>,
    guarded: (sending: Sending) => Promise<T>,
  ): Promise<T> {
    if (this.isOpen || !this.#core.engine.options.rule.begins) {
      this.#requirePlace()
      return this.#core.together(plain, this.#place ? { queue: this.#place.queue } : undefined, capture)
    }
    return this.#core.together(this.#options.guard === 'savepoint' ? guarded : plain, LENT, capture)
  }

  /** Sends in the place of the library's transaction. */
  #query(text: string, capture: SiteCapture | null): Promise<DriverResult> {
    return this.#core.query(text, capture, this.#place ? { queue: this.#place.queue } : undefined)
  }

  /** Runs the statement in a savepoint of its own, in one round trip: its failure affects nothing else. */
  async #enclosed(statement: unknown, capture: SiteCapture | null, sending: Sending): Promise<DriverResult> {
    const hadFailed = this.#hasFailed
    try {
      return await sending.query(new EnclosedStatement(statement, enclosureOf(this.#texts)), capture)
    } catch (error) {
      // The statement's own error is the one to throw; a connection that is gone has rolled back anyway. If only the
      // driver failed, the transaction has not, and the savepoint is closed.
      if (!hadFailed && this.#hasFailed)
        await sending.query(this.#texts.rollbackToSavepoint(GUARD), capture).catch(() => {})
      throw error
    }
  }

  get #hasFailed(): boolean {
    return this.#core.state === 'failed'
  }

  /** The same for a cursor or stream, which is over when its reader closes it. */
  async #around(submittable: DriverStream, capture: SiteCapture | null, sending: Sending): Promise<void> {
    await sending.query(this.#texts.savepoint(GUARD), capture)
    await sending.submit(submittable, capture)
    const undo = () => sending.query(this.#texts.rollbackToSavepoint(GUARD), capture)
    if (this.#core.state === 'failed') return void (await undo())
    await sending.query(this.#texts.releaseSavepoint(GUARD), capture).catch(async (error: unknown) => {
      await undo().catch(() => {})
      throw error
    })
  }

  /** Throws if the session's own commit or rollback has ended the transaction in which the host's was open. */
  #requirePlace(): void {
    // Refuses what comes late from a savepoint of ours that was undone.
    unitOf(this.#core, unitHere())
    if (!this.isOpen || !this.#place?.isOver) return
    this.#core.requireNotEnded()
    const { state, id, engine } = this.#core
    // In these states the session throws an error of its own.
    if (state === 'ended' || state === 'lost') return
    throw new EnginelightError(
      'EL_ILLEGAL_MOVE',
      `The transaction of session ${id} of engine "${engine.name}" in which a library had begun its own was ended by the session; only ROLLBACK is possible.`,
      { engine: engine.name, session: id, state, legalMoves: ['rollback'] },
    )
  }

  // ------------------------------------------------------------------------------------- transaction control

  async #control(step: Sent, text: string, capture: SiteCapture | null): Promise<DriverResult> {
    if (this.isOpen) return this.#inside(step, text, capture)
    this.#place = new LentPlace(this.#core, step.command, capture)
    try {
      await this.#place.open(step.text)
    } catch (error) {
      this.#became(step.unitsAfterError)
      throw error
    }
    this.#became(step.units)
    return answered(step.command)
  }

  async #inside(step: Sent, text: string, capture: SiteCapture | null): Promise<DriverResult> {
    const ends = step.unitsAfterError.length === 0
    try {
      // Nothing is left that could be rolled back.
      if (
        ends &&
        this.#core.engine.dialect.reading.control(text)?.ask === 'rollback' &&
        this.#place?.isOver
      ) {
        this.#became(NO_UNITS)
        return answered(step.command)
      }
      this.#requirePlace()
      const sent = await this.#sendIn(step, text, capture)
      this.#became(sent.units)
      return answered(sent.command)
    } catch (error) {
      this.#became(step.unitsAfterError)
      throw error
    }
  }

  async #sendIn(step: Sent, text: string, capture: SiteCapture | null): Promise<Sent> {
    try {
      await this.#query(step.text, capture)
      return step
    } catch (error) {
      // A statement of the session has failed meanwhile, so this is the COMMIT of a failed transaction after all.
      const again = this.#core.state === 'failed' ? this.#translate(text) : step
      if (again.act !== 'send' || again.command === step.command) throw error
      await this.#query(again.text, capture)
      return again
    }
  }

  #became(units: Units): void {
    this.#units = units
    if (units.length === 0) this.leave()
  }
}

const opens = (step: Step, units: Units): boolean => step.act === 'send' && step.units.length > units.length

const firstWords = (step: Step): string => ('command' in step ? step.command : 'A statement')

function refused(words: string, why: string): EnginelightError {
  return new EnginelightError('EL_TRANSACTION_CONTROL', `${words.toUpperCase()} is refused: ${why}.`, {
    move: words.toUpperCase(),
  })
}

/** The result that pg would give for the server's answer. */
function answered(command: string): DriverResult {
  return { command, rowCount: null, oid: null, rows: [], fields: [] } as DriverResult
}
