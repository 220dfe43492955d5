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
import { encoder, type Row } from '../../model/codec.ts'
import type { Fact, Time } from '../../model/rows.ts'
import { cellsOf } from './cells.ts'
import { History } from './history.ts'
import { Ink } from './ink.ts'
import type { RecorderLimits } from './limits.ts'
import { id, ms } from './plain.ts'
import { rowsOfMessages, type RowsOfMessages } from './rows-of-messages.ts'
import { seedRows } from './seed.ts'
import { Counting } from './counting.ts'
import type { RequestSums } from './request-sums.ts'
import { StatementLimit } from './statement-limit.ts'
import { sumRows } from './sum-rows.ts'

/** One message of this many is timed: the clock itself costs as much as a row. */
const TIMED_EVERY = 16

/** A message that takes longer was interrupted, by a collection of garbage or by another process. */
const INTERRUPTED_MS = 0.5

/** What the messages that one timed one stands for took. An interruption happened once, and not in each of them. */
const costOf = (tookMs: number): number => (tookMs > INTERRUPTED_MS ? tookMs : tookMs * TIMED_EVERY)

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
  readonly #rows: RowsOfMessages
  readonly #omitted: (from: Fact<'statementsOmitted'>, at: Time) => Row
  readonly #warned: (from: Fact<'warned'>, at: Time) => Row
  readonly #statements: StatementLimit
  readonly #counting: Counting
  readonly #sumRows: (sums: RequestSums, at: Time) => Iterable<Row>
  #messages = 0
  #stops: (() => void)[] = []

  /** `errorMessages`: whether errors keep their own messages. */
  constructor(limits: RecorderLimits, errorMessages = false) {
    this.limits = limits
    this.history = new History(limits)
    const ink = new Ink(this.history.dictionary, errorMessages)
    this.#ink = ink
    this.#rows = rowsOfMessages(ink)
    this.#omitted = encoder('statementsOmitted', column => cellsOf(column, ink))
    this.#warned = encoder('warned', column => cellsOf(column, ink))
    this.#statements = new StatementLimit(limits.statementsPerRequest)
    this.#sumRows = sumRows(ink)
    this.#counting = new Counting({
      sums: (sums, at) =>
        this.#guarded(() => {
          for (const row of this.#sumRows(sums, ms(at))) this.history.push(row)
        }),
      statement: start => this.history.push(this.#rows['enginelight:statement'].start(start, ms(start.at))),
    })
  }

  get statementsOmitted(): number {
    return this.#statements.omitted
  }

  /** Reads the present state, and listens from then on. */
  start(): void {
    for (const report of this.reports())
      this.#guarded(() => {
        for (const row of seedRows(report, performance.now(), this.#rows)) this.history.push(row)
      })
    this.#listen('enginelight:engine', message => this.#isPresent(message))
    this.#listen('enginelight:pool')
    this.#listen('enginelight:request', message => this.#countOmitted(message))
    this.#listen('enginelight:session')
    this.#listen('enginelight:checkout')
    this.#listen('enginelight:transaction')
    this.#listen('enginelight:statement', message => this.#admits(message))
    this.#listen('enginelight:commit')
    this.#listen('enginelight:process')
    const onWarning = (warning: Error & { code?: unknown }) =>
      this.#guarded(() => {
        if (warning.name !== 'EnginelightWarning') return
        const { message } = warning
        this.history.push(this.#warned({ code: id(warning.code), message }, ms(performance.now())))
      })
    process.on('warning', onWarning)
    this.#stops.push(() => process.off('warning', onWarning))
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#counting.stop()
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

  #listen<N extends ChannelName>(
    name: N,
    admits: (message: ChannelMessages[N]) => boolean = () => true,
  ): void {
    const rows = this.#rows[name] as Readonly<Record<string, ((message: unknown, at: Time) => Row) | null>>
    this.#stops.push(
      observe(
        name,
        message => {
          const isTimed = this.#messages++ % TIMED_EVERY === 0
          const before = isTimed ? performance.now() : 0
          try {
            const row = rows[message.phase]
            if (row && admits(message)) this.history.push(row(message, ms(message.at)))
          } catch (error) {
            this.#failed(error)
          }
          if (isTimed) this.costMs += costOf(performance.now() - before)
        },
        { sites: true, values: true, development: true },
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

  /** Whether the engine itself is meant, and not an old pool of it that was replaced. */
  #isPresent(message: EngineMessage): boolean {
    this.#ink.forgetSystem(message.engine)
    return message.phase !== 'closed' || this.history.now.poolOf(id(message.engine)) === message.pool
  }

  #countOmitted(message: RequestMessage): boolean {
    if (message.phase !== 'end') return true
    const request = id(message.id)
    this.#tellOmitted(message, this.#statements.end(request))
    this.#counting.over(request, message.at)
    return true
  }

  #admits(message: StatementMessage): boolean {
    if (message.phase === 'end') return this.#admitsEnd(message)
    if (message.request === null) return true
    const request = id(message.request)
    const admitted = this.#statements.admit(request)
    if (admitted === 'tell') {
      this.#counting.keptRuns(request, 1, message.at)
      return true
    }
    if (typeof admitted === 'number') this.#tellOmitted({ id: request, at: message.at }, admitted)
    const shown = this.#ink.shown(message)
    const valuesHash = this.#ink.valuesHash(message, shown)
    this.#counting.begin(message, shown, valuesHash, () => this.#statements.runningOf(request))
    return false
  }

  /** Not one whose start was only counted, or came before we listened. */
  #admitsEnd(message: Extract<StatementMessage, { phase: 'end' }>): boolean {
    if (this.#counting.end(message)) return false
    const open = this.history.now.statement(id(message.id))
    if (open?.request != null) {
      this.#statements.answered(open.request)
      this.#counting.keptRuns(open.request, -1, message.at)
    }
    return open !== undefined
  }

  #tellOmitted({ id, at }: { id: string; at: number }, total: number): void {
    if (total > 0) this.history.push(this.#omitted({ id, total }, ms(at)))
  }
}
