import './list-row.css'
import './request-row.css'
import { memo } from 'react'
import { LedgerBar } from '../components/ledger-bar.tsx'
import { clockTime, count, duration } from '../../instrumentation/model/format.ts'
import { ledgerOf } from '../../instrumentation/model/ledger.ts'
import { isSettled, outcomeOf, OUTCOME_GLYPH, OUTCOME_WORDS } from '../../instrumentation/findings/outcome.ts'
import type { Request } from '../../instrumentation/model/state.ts'
import { findingsOf } from '../model/finding-index.ts'
import { said } from '../model/said.ts'
import { useNowWhile, usePanel, useRequest } from '../model/use-panel.ts'
import { write } from '../route.ts'
import { EngineChips } from './engine-chips.tsx'
import { FindingMark } from './finding-mark.tsx'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  id: string
  past: ReadonlyMap<string, Request> | null
  isOpened: boolean
  isSplit: boolean
  query: string
}

/** One request on one line: how it ended, how long it took, what it was, and its engines. */
export const RequestRow = memo(function RequestRow({ id, past, isOpened, isSplit, query }: Props) {
  const request = useRequest(id, past)
  const timeOrigin = usePanel(view => view.hello?.timeOrigin ?? 0)
  const findings = usePanel(view => findingsOf(view.findings, id))
  const now = useNowWhile(request !== undefined && !isSettled(request))
  if (!request) return null
  const outcome = outcomeOf(request, now)
  const ledger = ledgerOf(request, now)
  const statements = request.statements.length + request.omitted
  return (
    <a
      className={isSplit ? 'list-row request-row split' : 'list-row request-row'}
      href={write('requests', [id], query)}
      aria-current={isOpened || undefined}
      data-request={id}
      data-outcome={outcome}
    >
      <span
        className="outcome"
        data-outcome={outcome}
        title={OUTCOME_WORDS[outcome]}
        role="img"
        aria-label={OUTCOME_WORDS[outcome]}
      >
        {OUTCOME_GLYPH[outcome]} <span>{OUTCOME_WORDS[outcome]}</span>
      </span>
      <time className="request-time">{clockTime(timeOrigin + request.startedAt)}</time>
      <span className="request-label" title={request.label}>
        <UnitMark request={id} />
        <span>
          {request.label} <em>{request.kind === 'http' ? id : `${id} ${said(request.kind)}`}</em>
        </span>
        <FindingMark findings={findings} />
      </span>
      <Status request={request} />
      <span className="request-duration right">{ledger.wall === 0 ? '…' : duration(ledger.wall / 1000)}</span>
      <LedgerBar ledger={ledger} />
      <span className="request-statements right" title={count(statements, 'statement')}>
        {statements || '–'}
      </span>
      <EngineChips request={request} />
    </a>
  )
})

function Status({ request }: { request: Request }) {
  if (request.endedAt === null) return <span className="request-status right dim">…</span>
  if (request.outcome === 'aborted') return <span className="request-status right warn">abort</span>
  const isBad = (request.status ?? 0) >= 500 || request.outcome === 'failed'
  return (
    <span className={`request-status right${isBad ? ' hot' : ''}`}>
      {request.status ?? (isBad ? 'failed' : 'done')}
    </span>
  )
}
