import type { Attributes } from '@opentelemetry/api'
import { SpanKind, SpanStatusCode } from '../api.ts'
import type { TransactionMessage } from '../../../server-lib/channels/index.ts'
import {
  BACKEND_PID,
  CHECKOUT_ID,
  CONNECTION_ID,
  ENGINE_NAME,
  ERROR_TYPE,
  POOL,
  SAVEPOINT_NAME,
  SAVEPOINT_OUTCOME,
  TRANSACTION_ASKED,
  TRANSACTION_FAILED_BY,
  TRANSACTION_ID,
  TRANSACTION_OUTCOME,
  TRANSACTION_STATEMENT_COUNT,
} from '../semconv.ts'
import { lineAttributes, outermostAttributes } from './attributes.ts'
import type { OpenTransaction, SpanTree } from './span-tree.ts'
import type { StatementSpans } from './statement-spans.ts'

type Of<P extends TransactionMessage['phase']> = Extract<TransactionMessage, { phase: P }>

/**
 * One INTERNAL span for each transaction, from the sending of its BEGIN to the answer to its COMMIT or ROLLBACK, and
 * one inside it for each savepoint. Its children are the statements between, the last one and, if options ask for it,
 * BEGIN.
 */
export class TransactionSpans {
  readonly #tree: SpanTree
  readonly #statements: StatementSpans

  constructor(tree: SpanTree, statements: StatementSpans) {
    this.#tree = tree
    this.#statements = statements
  }

  handle(message: TransactionMessage): void {
    switch (message.phase) {
      case 'start':
        return this.#start(message)
      case 'savepoint':
        return this.#savepoint(message)
      case 'failed':
        return this.#failed(message)
      case 'end':
        return this.#end(message)
      default:
        message satisfies never
    }
  }

  /** 1st: the server answered a BEGIN. The span starts when that was sent, and gets it as its first child. */
  #start(message: Of<'start'>): void {
    const { id, engine, connection } = message
    const beginning = this.#statements.beginningOn(connection)
    const parent = this.#tree.ofSession(message, beginning?.active)
    const own: Attributes = {
      [ENGINE_NAME]: engine,
      [POOL]: message.pool,
      [CONNECTION_ID]: connection,
      [BACKEND_PID]: message.backendPid ?? undefined,
      [CHECKOUT_ID]: message.checkout ?? undefined,
      [TRANSACTION_ID]: id,
    }
    if (this.#tree.options.lines) Object.assign(own, lineAttributes(message.site))
    const open = this.#tree.start(
      'enginelight.transaction',
      SpanKind.INTERNAL,
      beginning?.at ?? message.at,
      parent.owner ? own : { ...outermostAttributes(this.#tree.engines.of(engine), message), ...own },
      parent,
      () => this.#tree.transactions.take(id),
    )
    this.#tree.transactions.set(id, { open, savepoints: [] })
    this.#statements.settle(connection, id)
  }

  /** 2nd, once for each savepoint that was set, released, or returned to. */
  #savepoint({ id, at, name, action }: Of<'savepoint'>): void {
    const transaction = this.#tree.transactions.get(id)
    if (!transaction) return
    if (action !== 'set') return endSavepoints(transaction, name, action, at)
    const owner = transaction.savepoints.at(-1)?.open ?? transaction.open
    const open = this.#tree.start(
      'enginelight.savepoint',
      SpanKind.INTERNAL,
      at,
      { [TRANSACTION_ID]: id, [SAVEPOINT_NAME]: name },
      { context: owner.context, owner },
    )
    transaction.savepoints.push({ name, open })
  }

  /**
   * Possibly: a statement failed, and from here on only a rollback is possible. The statement's own span has the error.
   */
  #failed({ id, statement }: Of<'failed'>): void {
    this.#tree.transactions.get(id)?.open.span.setAttribute(TRANSACTION_FAILED_BY, statement)
  }

  /** Last: how the server ended it. */
  #end({ id, at, outcome, asked, statements }: Of<'end'>): void {
    const transaction = this.#tree.transactions.get(id)
    if (!transaction) return
    const { open, savepoints } = transaction
    const outermost = savepoints[0]
    if (outermost) endSavepoints(transaction, outermost.name, outcome, at)
    open.span.setAttributes({ [TRANSACTION_OUTCOME]: outcome, [TRANSACTION_STATEMENT_COUNT]: statements })
    if (asked !== null) open.span.setAttribute(TRANSACTION_ASKED, asked)
    if (outcome === 'lost') fail(transaction, 'connection_lost', 'the connection was lost in the transaction')
    else if (outcome === 'rolled back' && asked !== null && asked !== 'rollback') {
      fail(transaction, 'EL_COMMIT_ROLLED_BACK', `${asked} was answered with a rollback`)
    }
    open.close(at)
  }
}

/** Ending a savepoint also ends those set after it. */
function endSavepoints({ savepoints }: OpenTransaction, name: string, outcome: string, at: number): void {
  const from = savepoints.findLastIndex(savepoint => savepoint.name === name)
  if (from === -1) return
  for (const { open } of savepoints.splice(from).toReversed()) {
    open.span.setAttribute(SAVEPOINT_OUTCOME, outcome)
    open.close(at)
  }
}

function fail({ open }: OpenTransaction, type: string, message: string): void {
  open.span.setAttribute(ERROR_TYPE, type)
  open.span.setStatus({ code: SpanStatusCode.ERROR, message })
}
