import './list-row.css'
import './transaction-row.css'
import { memo } from 'react'
import { Site } from '../components/site.tsx'
import { Tag } from '../components/tag.tsx'
import { clockTime, count, duration } from '../../instrumentation/model/format.ts'
import type { ServerTruth } from '../../instrumentation/model/protocol.ts'
import { FATE_GLYPH, FATE_WORDS, savepointDepth, statementsOf } from '../../instrumentation/model/fate.ts'
import { blockerName } from '../../instrumentation/findings/blocker.ts'
import { locksOf } from '../../instrumentation/findings/in-doubt.ts'
import { NO_CONTEXT, type Connection } from '../../instrumentation/model/state.ts'
import { isShared, type Told } from '../../instrumentation/findings/tell-transaction.ts'
import { said } from '../model/said.ts'
import { usePanel } from '../model/use-panel.ts'
import { write } from '../route.ts'
import { OUTCOME_TONES } from './commit-figure.tsx'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  told: Told
  truth: ServerTruth | null
  now: number
  isOpened: boolean
  isSplit: boolean
  query: string
}

/** One transaction on one line: its state or end, its owner, where it runs, and why it ended at which line. */
export const TransactionRow = memo(function TransactionRow(props: Props) {
  const { told, truth, now, isOpened, isSplit, query } = props
  const { transaction, request, commit, fate, why, site } = told
  const { id, engine, connection, startedAt, endedAt } = transaction
  const held = usePanel(view => view.state.connections.get(connection))
  const timeOrigin = usePanel(view => view.hello?.timeOrigin ?? 0)
  const pid =
    held?.backendPid ?? request?.checkouts.find(c => c.id === transaction.checkout)?.backendPid ?? null
  const statements = endedAt === null ? statementsOf(transaction, request).length : transaction.statements
  const depth = savepointDepth(transaction)
  return (
    <a
      className={isSplit ? 'list-row transaction-row split' : 'list-row transaction-row'}
      href={write('transactions', [id], query)}
      aria-current={isOpened || undefined}
      data-transaction={id}
      data-fate={fate}
      data-pid={pid ?? undefined}
      data-engine={engine}
    >
      <span className="fate-glyph" aria-hidden="true">
        {FATE_GLYPH[fate]}
      </span>
      <span className="fate">{FATE_WORDS[fate]}</span>
      <time className="transaction-time">{clockTime(timeOrigin + (endedAt ?? startedAt))}</time>
      <span className="transaction-age right">{duration((endedAt ?? now) - startedAt)}</span>
      <span className="transaction-owner">
        {request && request.id !== NO_CONTEXT ? (
          <>
            <UnitMark request={request.id} />
            {request.label} <em>{request.id}</em>
          </>
        ) : (
          <em>outside of any request</em>
        )}
      </span>
      <span className="transaction-engine">{engine}</span>
      <span className="transaction-connection mono">
        {connection} · pid {pid ?? '?'}
      </span>
      <span
        className="transaction-statements right"
        title={`${count(statements, 'statement')}${depth > 0 ? `, savepoints ${depth} deep` : ''}`}
      >
        {statements}
        {depth > 0 && <em> ›{depth}</em>}
      </span>
      <span className="transaction-with">
        {endedAt === null ? (
          <Locks told={told} truth={truth} />
        ) : (
          isShared(commit) && (
            <Tag tone={commit.outcome ? OUTCOME_TONES[commit.outcome] : 'bad'}>
              {said(commit.mode)} ×{commit.participants.length}
            </Tag>
          )
        )}
      </span>
      <span className="transaction-why">
        <span>{fate === 'open' && held ? doing(held, now) : why}</span>
        {site && <Site site={site} />}
      </span>
    </a>
  )
})

/** What the connection of an open transaction is doing right now. */
function doing({ running, lastStatement }: Connection, now: number): string {
  if (running.length > 0) return `executing ${duration(now - (lastStatement?.startedAt ?? now))}`
  return lastStatement?.endedAt ? `idle ${duration(now - lastStatement.endedAt)}` : 'begun'
}

/** The locks that it holds, and what it waits for, by the server's answer. */
function Locks({ told, truth }: { told: Told; truth: ServerTruth | null }) {
  const { transaction } = told
  const connection = usePanel(view => view.state.connections.get(transaction.connection))
  const said = locksOf(truth, connection, transaction)
  const blockers = usePanel(({ state }) =>
    said && !('unasked' in said)
      ? said.blockedBy.map(pid => blockerName(state, transaction.engine, pid)).join(', ')
      : '',
  )
  if (!said) return <span className="dim">…</span>
  if ('unasked' in said)
    return (
      <span className="dim" title={said.unasked}>
        not asked
      </span>
    )
  if (said.blockedBy.length > 0) {
    const title = said.blockedBy.map(pid => `pid ${pid}`).join(', ')
    return (
      <Tag tone="bad" title={title}>
        waits for {blockers}
      </Tag>
    )
  }
  const [first] = said.locks
  if (!first) return <span className="dim">none</span>
  const title = said.locks.map(([what, mode]) => `${mode} on ${what}`).join('\n')
  return (
    <Tag title={title}>
      {said.locks.length > 1
        ? count(said.locks.length, 'lock')
        : `${first[1].replace(/Lock$/, '')} ${first[0]}`}
    </Tag>
  )
}
