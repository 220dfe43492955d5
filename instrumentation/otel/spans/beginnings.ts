import type { Context } from '@opentelemetry/api'
import type { StatementMessage } from '../../../server-lib/channels/index.ts'
import { BoundedMap } from '../bounded-map.ts'
import type { StatementFacts } from '../sql/statement-facts.ts'

export type StatementStart = Extract<StatementMessage, { phase: 'start' }>
export type StatementEnd = Extract<StatementMessage, { phase: 'end' }>

/** A statement without a span yet: a BEGIN, or one sent before its answer. */
export interface Beginning {
  readonly start: StatementStart
  readonly facts: StatementFacts
  /** The context that it was sent in. */
  readonly active: Context
  /** Its end, if that came before the transaction's start. */
  end: StatementEnd | null
}

const NONE: readonly string[] = []
const CONNECTIONS_AT_ONCE = 1_000
const STATEMENTS_AT_ONCE = 10_000

/**
 * BEGINs under way, by connection. A transaction is reported when the server has answered its BEGIN, and OpenTelemetry
 * cannot change a span's parent afterwards. So these spans are made late, with the times of their messages.
 */
export class Beginnings {
  readonly #byConnection = new BoundedMap<Beginning[]>(CONNECTIONS_AT_ONCE, lost => this.#forget(lost))
  readonly #byStatement = new BoundedMap<Beginning>(STATEMENTS_AT_ONCE)

  get size(): number {
    return this.#byConnection.size
  }

  /** Whether a BEGIN was sent on the connection and not yet answered. */
  isOpenOn(connection: string): boolean {
    return this.firstOn(connection)?.end === null
  }

  firstOn(connection: string): Beginning | undefined {
    return this.#byConnection.get(connection)?.[0]
  }

  add(beginning: Beginning): void {
    const { connection, id } = beginning.start
    this.#byStatement.set(id, beginning)
    const others = this.#byConnection.get(connection)
    if (others) others.push(beginning)
    else this.#byConnection.set(connection, [beginning])
  }

  /** Notes the end of a statement in here; undefined for any other statement. */
  ended(end: StatementEnd): Beginning | undefined {
    const beginning = this.#byStatement.get(end.id)
    if (beginning) beginning.end = end
    return beginning
  }

  take(connection: string): Beginning[] {
    const beginnings = this.#byConnection.take(connection) ?? []
    this.#forget(beginnings)
    return beginnings
  }

  /** The connections with a waiting BEGIN, of one session or of all. */
  connections(session?: string): readonly string[] {
    if (this.#byStatement.size === 0) return NONE
    const isIts = ({ start }: Beginning) => session === undefined || start.session === session
    // The usual case: at the end of a session its connection has been released.
    if (!this.#byStatement.some(isIts)) return NONE
    const found = this.#byStatement.values().filter(isIts)
    return [...new Set(found.map(({ start }) => start.connection))]
  }

  #forget(beginnings: readonly Beginning[]): void {
    for (const { start } of beginnings) this.#byStatement.take(start.id)
  }
}
