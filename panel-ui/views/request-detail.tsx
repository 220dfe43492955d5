import './request-detail.css'
import { useRef, useState } from 'react'
import { LedgerFigure } from '../components/ledger-bar.tsx'
import { CopyButtons } from '../components/copy-buttons.tsx'
import { Tag } from '../components/tag.tsx'
import { clockTime, duration } from '../../instrumentation/model/format.ts'
import { ledgerOf } from '../../instrumentation/model/ledger.ts'
import { isSettled, outcomeOf, OUTCOME_GLYPH } from '../../instrumentation/findings/outcome.ts'
import type { Request } from '../../instrumentation/model/state.ts'
import { curlOf, requestMarkdown } from '../model/copied.ts'
import { timelineOf } from '../model/timeline.ts'
import { useFindingsOf, useNowWhile, usePanel, useRequest } from '../model/use-panel.ts'
import { verdictOf } from '../../instrumentation/findings/verdict.ts'
import { stalledMs } from '../../instrumentation/findings/without-stalls.ts'
import { go } from '../route.ts'
import { CheckoutFailed } from './checkout-failed.tsx'
import { ConfiguredEngines } from './configured-engines.tsx'
import { EnginesTable } from './engines-table.tsx'
import { NoRequest } from './no-request.tsx'
import { RequestFindings } from './request-findings.tsx'
import { RequestLanes } from './request-lanes.tsx'
import { StatementsTable } from './statements-table.tsx'
import { UnitMark } from './unit-mark.tsx'

interface DetailProps {
  id: string
  /** The statement that a link led to. */
  statement: string | null
  query: string
  past: ReadonlyMap<string, Request> | null
}

/** One request opened: where its time went, on which connections, with which statements. */
export function RequestDetail({ id, statement: sought, query, past }: DetailProps) {
  const request = useRequest(id, past)
  const scroller = useRef<HTMLElement>(null)
  const [statement, setStatement] = useState(sought)
  const now = useNowWhile(request !== undefined && !isSettled(request))
  const until = request && isSettled(request) ? request.endedAt! : now
  const findings = useFindingsOf(request, until)
  const stalls = usePanel(view => view.state.stalls)
  const applicationUrl = usePanel(view => view.hello?.applicationUrl ?? null)
  if (!request) return <GoneRequest id={id} query={query} />
  if (request.kind === 'no context') return <NoRequest work={request} query={query} />
  const ledger = ledgerOf(request, until)
  const curl = curlOf(request, applicationUrl)
  const stalled = stalledMs(stalls, request.startedAt, until)
  const verdict = verdictOf(request, ledger, findings, stalled)
  return (
    <article
      className="request-detail"
      ref={scroller}
      aria-label={`Request ${id}`}
      data-request={id}
      tabIndex={-1}
    >
      <div>
        <DetailHead request={request} wallMs={ledger.wall / 1000} query={query} now={until} />
        <p className="verdict">{verdict}</p>
        <CopyButtons
          offers={[
            { as: 'Markdown', text: () => requestMarkdown(request, ledger, verdict, findings, until) },
            ...(curl === null ? [] : [{ as: 'curl', text: () => curl }]),
          ]}
        />
        <RequestFindings findings={findings} />
        <LedgerFigure ledger={ledger} />
        {request.checkouts
          .filter(checkout => checkout.failure)
          .map(checkout => (
            <CheckoutFailed
              key={checkout.id}
              checkout={checkout}
              why={findings.find(({ key }) => key === `check-out failed ${checkout.id}`)?.why ?? null}
            />
          ))}
        <RequestLanes timeline={timelineOf(request, until)} onPick={setStatement} picked={statement} />
        <EnginesTable request={request} now={until} />
        <StatementsTable request={request} scroller={scroller} picked={statement} onPick={setStatement} />
        <ConfiguredEngines />
      </div>
    </article>
  )
}

interface HeadProps {
  request: Request
  wallMs: number
  query: string
  now: number
}

function DetailHead({ request, wallMs, query, now }: HeadProps) {
  const timeOrigin = usePanel(view => view.hello?.timeOrigin ?? 0)
  const outcome = outcomeOf(request, now)
  const isUnknown = usePanel(({ state }) =>
    request.checkouts.some(({ engine }) => state.engines.get(engine)?.transactions === 'unknown'),
  )
  // If the driver does not report transactions, there may have been one.
  const nothing = isUnknown ? 'transactions unknown' : 'nothing to commit'
  const isBad = (request.status ?? 0) >= 500 || request.outcome === 'failed'
  return (
    <header className="detail-head">
      <button
        type="button"
        className="detail-back"
        onClick={() => go('requests', [], query)}
        aria-label="Back to the list"
        title="Back (Esc)"
      >
        ←
      </button>
      <h1>
        <UnitMark request={request.id} />
        {request.label}
      </h1>
      {request.status !== null && <Tag tone={isBad ? 'bad' : 'good'}>{request.status}</Tag>}
      {request.outcome === 'aborted' && <Tag tone="warn">aborted</Tag>}
      <span className="outcome" data-outcome={outcome}>
        {OUTCOME_GLYPH[outcome]} {outcome === 'none' ? nothing : outcome === 'open' ? 'left open' : outcome}
      </span>
      <p>
        {request.id} · {duration(wallMs)} · {clockTime(timeOrigin + request.startedAt, true)}
      </p>
    </header>
  )
}

function GoneRequest({ id, query }: { id: string; query: string }) {
  return (
    <article className="request-detail">
      <header className="detail-head">
        <button
          type="button"
          className="detail-back"
          onClick={() => go('requests', [], query)}
          aria-label="Back to the list"
        >
          ←
        </button>
        <h1>{id}</h1>
      </header>
      <p className="verdict">
        This request is not known here: it is too long ago, or of another run of the process.
      </p>
    </article>
  )
}
