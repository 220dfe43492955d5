import { randomBytes } from 'node:crypto'
import {
  engineReports,
  observe,
  type ChannelMessages,
  type ChannelName,
  type EngineMessage,
  type EngineReport,
  type RequestMessage,
  type StatementMessage,
} from '../../../server-lib/channels/index.ts'
import { warn } from '../../../server-lib/channels/errors.ts'
import { failureText } from '../../../server-lib/channels/failure-text.ts'
import { KIND, type AnyRow } from '../../model/rows.ts'
import { History } from './history.ts'
import { Ink } from './ink.ts'
import type { RecorderLimits } from './limits.ts'
import { id, ms } from './plain.ts'
import { commitRow } from './rows-of-commits.ts'
import { checkoutRow, engineRow, poolRow } from './rows-of-pools.ts'
import { requestRow, sessionRow, statementRow, transactionRow } from './rows-of-work.ts'
import { seedRows } from './seed.ts'
import { StatementLimit } from './statement-limit.ts'

/** One message of this many is timed: the clock itself costs as much as a row. */
const TIMED_EVERY = 16

/**
 * Listens to the channels and holds their messages as rows, within its limits. It runs inside the application's own
 * calls, so it only builds a row, keeps only numbers and text of a message, and throws nothing.
 */
export class Recorder {
  /** Differs with each start, so that a page recognizes numbers of an earlier process. */
  readonly boot = randomBytes(8).toString('hex')
  readonly limits: RecorderLimits
  readonly history: History
  /** How many messages could not be recorded, by a fault of ours or of theirs. */
  failures = 0
  /** The time spent on recording, estimated from a sample. */
  costMs = 0
  readonly #ink: Ink
  readonly #statements: StatementLimit
  #messages = 0
  #stops: (() => void)[] = []

  /** `errorMessages`: whether errors keep their own messages. */
  constructor(limits: RecorderLimits, errorMessages = false) {
    this.limits = limits
    this.history = new History(limits)
    this.#ink = new Ink(this.history.dictionary, errorMessages)
    this.#statements = new StatementLimit(limits.statementsPerRequest)
  }

  get statementsOmitted(): number {
    return this.#statements.omitted
  }

  /** Reads the present state, and listens from then on. */
  start(): void {
    for (const report of this.reports())
      this.#guarded(() => {
        for (const row of seedRows(report, performance.now(), this.#ink)) this.history.push(row)
      })
    const ink = this.#ink
    this.#listen('enginelight:engine', message => this.#engine(message))
    this.#listen('enginelight:pool', message => this.#push(poolRow(message, ink)))
    this.#listen('enginelight:request', message => this.#request(message))
    this.#listen('enginelight:session', message => this.#push(sessionRow(message, ink)))
    this.#listen('enginelight:checkout', message => this.#push(checkoutRow(message, ink)))
    this.#listen('enginelight:transaction', message => this.#push(transactionRow(message, ink)))
    this.#listen('enginelight:statement', message => this.#statement(message))
    this.#listen('enginelight:commit', message => this.#push(commitRow(message, ink)))
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** The engines as of now, or none if they cannot report. */
  reports(): EngineReport[] {
    try {
      return engineReports()
    } catch {
      this.failures++
      return []
    }
  }

  #listen<N extends ChannelName>(name: N, record: (message: ChannelMessages[N]) => void): void {
    this.#stops.push(
      observe(
        name,
        message => {
          const isTimed = this.#messages++ % TIMED_EVERY === 0
          const before = isTimed ? performance.now() : 0
          try {
            record(message)
          } catch (error) {
            this.#failed(error)
          }
          if (isTimed) this.costMs += (performance.now() - before) * TIMED_EVERY
        },
        { sites: true, development: true },
      ),
    )
  }

  #guarded(record: () => void): void {
    try {
      record()
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (this.failures++ > 0) return
    warn('EL_OBSERVER_THREW', `The panel could not record a message: ${failureText(error)}`)
  }

  #push(row: AnyRow | null): void {
    if (row !== null) this.history.push(row)
  }

  #engine(message: EngineMessage): void {
    this.#ink.forgetSystem(message.engine)
    if (message.phase === 'closed') {
      // This is the engine's old pool, which was replaced: the engine itself goes on.
      const engine = this.history.now.engine(id(message.engine))
      if (engine?.[1] === KIND.engine && engine[3].pool !== message.pool) return
    }
    this.#push(engineRow(message))
  }

  #request(message: RequestMessage): void {
    if (message.phase === 'end') this.#push(this.#statements.end(id(message.id), ms(message.at)))
    this.#push(requestRow(message, this.#ink))
  }

  #statement(message: StatementMessage): void {
    if (message.phase === 'end') {
      // Its start was omitted, or came before we listened.
      if (!this.history.now.hasStatement(id(message.id))) return
    } else if (message.request !== null) {
      const admitted = this.#statements.admit(id(message.request), ms(message.at))
      if (admitted === 'omit') return
      if (admitted !== 'tell') return this.#push(admitted)
    }
    this.#push(statementRow(message, this.#ink))
  }
}
