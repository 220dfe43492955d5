import { locksOf } from '../../instrumentation/findings/in-doubt.ts'
import { tellOf } from '../../instrumentation/findings/tell-transaction.ts'
import { transactionVerdict } from '../../instrumentation/findings/transaction-verdict.ts'
import { FATE_GLYPH, FATE_WORDS, statementsOf } from '../../instrumentation/model/fate.ts'
import { clockTime, duration } from '../../instrumentation/model/format.ts'
import { NO_CONTEXT, type PanelState, type Transaction } from '../../instrumentation/model/state.ts'
import { UsageError } from '../usage.ts'
import { headOf, isoOf, processOf, type Report } from './report.ts'
import { gap, text, type Block } from './screen.ts'
import { statementJson, statementTable } from './statements.ts'
import type { Moment } from './watcher.ts'

/** One transaction: why it is in its state, what it has locked and waits for, and its statements. */
export function tx(moment: Moment, id: string): Report {
  const { state, hello, truth } = moment
  const transaction = transactionIn(state, id)
  if (!transaction)
    throw new UsageError(`This process knows no transaction ${id}: it is too long ago, or of another run.`)
  const told = tellOf(state, transaction)
  const { fate, why, site, request, commit } = told
  const { engine, startedAt, endedAt, connection } = transaction
  const verdict = transactionVerdict(told)
  const statements = statementsOf(transaction, request)
  const held = state.connections.get(connection)
  const locks = endedAt === null ? locksOf(truth, held, transaction) : undefined
  const owner =
    request && request.id !== NO_CONTEXT ? `${request.label} ${request.id}` : 'work outside of any request'
  return {
    json: {
      process: processOf(moment),
      transaction: {
        id,
        engine,
        connection,
        backendPid: held?.backendPid ?? null,
        request: transaction.request === NO_CONTEXT ? null : transaction.request,
        fate,
        verdict,
        why,
        site,
        begunAt: transaction.site,
        startedAt: isoOf(moment, startedAt),
        endedAt: endedAt === null ? null : isoOf(moment, endedAt),
        /** What the server says of an open one; null where it was not asked. */
        locks: locks ?? null,
        commit: commit ? { id: commit.id, mode: commit.mode, outcome: commit.outcome } : null,
        savepoints: transaction.savepoints.map(({ name, action }) => ({ name, action })),
        statements: statements.map(statementJson),
      },
    },
    blocks: [
      headOf(moment),
      text(`${id} on ${engine}: ${FATE_GLYPH[fate]} ${FATE_WORDS[fate]}`),
      text(
        `${duration((endedAt ?? moment.now) - startedAt)} from ${clockTime(hello.timeOrigin + startedAt, true)}`,
      ),
      text(verdict),
      gap,
      text(`of ${owner}, on connection ${connection}, pid ${held?.backendPid ?? 'unknown'}`),
      ...(transaction.site === null ? [] : [text(`begun at ${transaction.site}`)]),
      ...(endedAt === null ? lockBlocks(locks) : [text(`ended: ${why}${site ? ` at ${site}` : ''}`)]),
      gap,
      ...statementTable(statements, startedAt),
    ],
  }
}

function transactionIn(state: PanelState, id: string): Transaction | undefined {
  const open = state.transactions.get(id)
  if (open) return open
  for (const { transactions } of state.requests.values()) {
    const ended = transactions.find(one => one.id === id)
    if (ended) return ended
  }
  return undefined
}

function lockBlocks(locks: ReturnType<typeof locksOf>): Block[] {
  if (locks === undefined) return [text('Its locks are unknown: the server has not been asked.')]
  if ('unasked' in locks) return [text(`Its locks are unknown: ${locks.unasked}.`)]
  const waits = locks.blockedBy.map(pid => (pid === 0 ? 'a prepared transaction' : `pid ${pid}`))
  return [
    text(`holds ${locks.locks.map(([what, mode]) => `${mode} on ${what}`).join(', ') || 'no lock'}`),
    ...(waits.length > 0 ? [text(`waits for ${waits.join(', ')}`, 'bad')] : []),
  ]
}
