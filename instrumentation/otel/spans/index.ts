import type { Tracer } from '@opentelemetry/api'
import type { ChannelMessages } from '../../../server-lib/channels/index.ts'
import type { EngineFacts } from '../engine-facts.ts'
import type { Options } from '../options.ts'
import type { StatementFacts } from '../sql/statement-facts.ts'
import type { StatementEnd, StatementStart } from './beginnings.ts'
import { CheckoutSpans } from './checkout-spans.ts'
import { CommitSpans } from './commit-spans.ts'
import { RequestSpans } from './request-spans.ts'
import { SessionSpans } from './session-spans.ts'
import { SpanTree } from './span-tree.ts'
import { StatementSpans } from './statement-spans.ts'
import { TransactionSpans } from './transaction-spans.ts'

/** Makes spans from messages. */
export class Spans {
  readonly #tree: SpanTree
  readonly #requests: RequestSpans
  readonly #sessions: SessionSpans
  readonly #checkouts: CheckoutSpans
  readonly #transactions: TransactionSpans
  readonly #statements: StatementSpans
  readonly #commits: CommitSpans

  constructor(tracer: () => Tracer, options: Options, engines: EngineFacts, limit?: number) {
    this.#tree = new SpanTree(tracer, options, engines, limit)
    this.#requests = new RequestSpans(this.#tree)
    this.#sessions = new SessionSpans(this.#tree)
    this.#checkouts = new CheckoutSpans(this.#tree)
    this.#statements = new StatementSpans(this.#tree)
    this.#commits = new CommitSpans(this.#tree)
    this.#transactions = new TransactionSpans(this.#tree, this.#statements)
  }

  request(message: ChannelMessages['enginelight:request']): void {
    this.#requests.handle(message)
  }

  session(message: ChannelMessages['enginelight:session']): void {
    if (message.phase === 'end') this.#statements.settleAll(message.id)
    this.#sessions.handle(message)
  }

  checkout(message: ChannelMessages['enginelight:checkout']): void {
    if (message.phase === 'released') this.#statements.settle(message.connection, null)
    this.#checkouts.handle(message)
  }

  transaction(message: ChannelMessages['enginelight:transaction']): void {
    this.#transactions.handle(message)
  }

  commit(message: ChannelMessages['enginelight:commit']): void {
    this.#commits.handle(message)
  }

  statementStarted(start: StatementStart, facts: StatementFacts): void {
    this.#statements.started(start, facts)
  }

  statementEnded(end: StatementEnd): void {
    this.#statements.ended(end)
  }

  /** How much is held: open spans, and statements and check-outs that wait to become one. */
  get size(): number {
    return this.#tree.size + this.#checkouts.size + this.#statements.size
  }

  /** Ends every open span. */
  stop(): void {
    this.#statements.settleAll()
    this.#tree.abandonAll()
  }
}
