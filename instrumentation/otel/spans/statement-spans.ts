import type { Context } from '@opentelemetry/api'
import { SpanKind, context } from '../api.ts'
import { failSpan } from '../failure.ts'
import { STATEMENT_QUEUE_TIME, STATEMENT_ROW_COUNT } from '../semconv.ts'
import type { StatementFacts } from '../sql/statement-facts.ts'
import { lineAttributes, loneStatementAttributes, statementAttributes } from './attributes.ts'
import { Beginnings, type StatementEnd, type StatementStart } from './beginnings.ts'
import type { SpanTree } from './span-tree.ts'

/** One CLIENT span for each statement, following the stable conventions for databases. */
export class StatementSpans {
  readonly #tree: SpanTree
  readonly #beginnings = new Beginnings()

  constructor(tree: SpanTree) {
    this.#tree = tree
  }

  get size(): number {
    return this.#beginnings.size
  }

  /**
   * 1st: a statement goes to the server. Whether a BEGIN starts a transaction shows later, so it waits for its parent.
   */
  started(start: StatementStart, facts: StatementFacts): void {
    const inTransaction = start.transaction !== null && this.#tree.transactions.get(start.transaction)
    if (!inTransaction && (facts.control === 'BEGIN' || this.#beginnings.isOpenOn(start.connection))) {
      if (facts.control === 'BEGIN') this.settle(start.connection, null)
      this.#beginnings.add({ start, facts, active: context.active(), end: null })
      return
    }
    if (!inTransaction) this.settle(start.connection, null)
    this.#open(start, facts, context.active())
  }

  /** 2nd: it was answered. */
  ended(end: StatementEnd): void {
    const beginning = this.#beginnings.ended(end)
    if (beginning === undefined) return this.#finish(end)
    const failedBegin = end.error !== null && beginning.facts.control === 'BEGIN'
    if (failedBegin) this.settle(beginning.start.connection, null)
  }

  /** When and where the pending BEGIN of a connection was sent, or undefined if none was seen. */
  beginningOn(connection: string): { at: number; active: Context } | undefined {
    const first = this.#beginnings.firstOn(connection)
    return first && { at: first.start.at, active: first.active }
  }

  /** Makes the spans of statements that waited for the answer to a BEGIN, in the transaction it started or in none. */
  settle(connection: string, transaction: string | null): void {
    for (const { start, facts, active, end } of this.#beginnings.take(connection)) {
      // The transaction's own span shows it.
      if (transaction !== null && facts.control === 'BEGIN' && !this.#tree.options.beginSpans) continue
      this.#open({ ...start, transaction: transaction ?? start.transaction }, facts, active)
      if (end) this.#finish(end)
    }
  }

  settleAll(session?: string): void {
    for (const connection of this.#beginnings.connections(session)) this.settle(connection, null)
  }

  #open(start: StatementStart, facts: StatementFacts, active: Context): void {
    if (facts.control !== null && !this.#tree.options.controlStatements) return
    const { statements, engines, options } = this.#tree
    // A statement that ends a savepoint is beside the savepoint's span, like the one that set it.
    const step = start.transaction === null ? this.#tree.ofStep(start.session) : undefined
    const parent = step ?? this.#tree.ofTransaction(start, facts.control === null, active)
    const attributesOf = parent.owner ? statementAttributes : loneStatementAttributes
    const of = engines.of(start.engine)
    const attributes = attributesOf(of, start, facts)
    if (start.queuedMs > 0) attributes[STATEMENT_QUEUE_TIME] = start.queuedMs / 1000
    if (options.lines) Object.assign(attributes, lineAttributes(start.site))
    const open = this.#tree.start(
      facts.control ?? facts.summary ?? of.system,
      SpanKind.CLIENT,
      start.at,
      attributes,
      parent,
      () => statements.take(start.id),
    )
    statements.set(start.id, open)
  }

  #finish({ id, at, rows, error }: StatementEnd): void {
    const open = this.#tree.statements.get(id)
    if (!open) return
    if (rows !== null) open.span.setAttribute(STATEMENT_ROW_COUNT, rows)
    if (error) failSpan(open.span, error, this.#tree.options.errorMessages)
    open.end(at)
  }
}
