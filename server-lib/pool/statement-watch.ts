import { channels } from '../channels/channels.ts'
import type { DriverResult } from '../dialect/result.ts'
import type { StatementFacts } from '../dialect/statement.ts'
import type { StatementWatch, ToldStatement } from '../dialect/statement-watch.ts'
import { borrowerSends, knexSends } from '../watch/whispers.ts'
import { noteKept } from './note-kept.ts'
import type { ConnectionRecord } from './records.ts'
import type { PoolNames } from './reports.ts'
import { SentStatement } from './told-statement.ts'

/** Enters the statements of one connection in the books, and tells observers of them. */
export class ConnectionWatch implements StatementWatch {
  readonly #books: PoolNames
  readonly #record: ConnectionRecord

  constructor(books: PoolNames, record: ConnectionRecord) {
    this.#books = books
    this.#record = record
  }

  sends(statements: number): boolean {
    const record = this.#record
    record.statements += statements
    if (!borrowerSends.said) return true
    record.changedAt = performance.now()
    return false
  }

  /**
   * Sessions, observers and knex only settle a promise in their callbacks, and `pool.query` is bound as a whole.
   */
  get isApplications(): boolean {
    const { checkout, isBorrowed } = this.#record
    return !isBorrowed && !knexSends.said && checkout?.isApplications !== false
  }

  get isHeard(): boolean {
    if (this.#record.checkout?.isObserver) return false
    return channels.statement.hasSubscribers || channels.transaction.hasSubscribers
  }

  tell(statement: StatementFacts): ToldStatement {
    return new SentStatement(this.#books, this.#record, statement)
  }

  tellOfBegin(text: string): ToldStatement {
    const { upcoming } = this.#record
    const { said } = upcoming
    upcoming.said = said && { queuedMs: 0, capture: said.capture }
    const begin = new SentStatement(this.#books, this.#record, {
      text,
      parameters: 0,
      values: undefined,
      kind: 'query',
    })
    upcoming.said = said
    return begin
  }

  noting(text: unknown): ((result: DriverResult | DriverResult[] | undefined) => void) | undefined {
    return noteKept(this.#books, this.#record, text)
  }

  passOver(): void {
    this.#record.upcoming.take()
  }
}
