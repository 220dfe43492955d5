import { useMemo, useRef, useState } from 'react'
import { CopyButtons } from '../components/copy-buttons.tsx'
import { SiteLink } from '../components/site-link.tsx'
import { clockTime, count, duration } from '../../instrumentation/model/format.ts'
import { FATE_GLYPH, FATE_WORDS, statementsOf } from '../../instrumentation/model/fate.ts'
import { blockerName } from '../../instrumentation/findings/blocker.ts'
import { locksOf } from '../../instrumentation/findings/in-doubt.ts'
import { laneKey, NO_CONTEXT, type Request } from '../../instrumentation/model/state.ts'
import { tellOf, type Told } from '../../instrumentation/findings/tell-transaction.ts'
import { transactionVerdict } from '../../instrumentation/findings/transaction-verdict.ts'
import { transactionMarkdown } from '../model/copied.ts'
import { useMoment, usePanel } from '../model/use-panel.ts'
import { go, write } from '../route.ts'
import { CommitFigure } from './commit-figure.tsx'
import { LockList } from './lock-list.tsx'
import { SavepointList } from './savepoint-list.tsx'
import { StatementsTable } from './statements-table.tsx'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  id: string
  query: string
  past: ReadonlyMap<string, Told>
}

/** One transaction opened: why it ended, the commit that it was part of, its locks, savepoints and statements. */
export function TransactionDetail({ id, query, past }: Props) {
  const { state, now } = useMoment()
  const transaction = state.transactions.get(id)
  const told = transaction ? tellOf(state, transaction) : past.get(id)
  // Stays in view even if the page has to forget it meanwhile.
  const [seen, setSeen] = useState(told)
  if (told !== undefined && told !== seen) setSeen(told)
  const shown = told ?? (seen?.transaction.id === id ? seen : undefined)
  if (!shown) return <GoneTransaction id={id} query={query} />
  return <KnownTransaction told={shown} query={query} now={now} />
}

function KnownTransaction({ told, query, now }: { told: Told; query: string; now: number }) {
  const { transaction, request, commit, fate } = told
  const { id, engine, endedAt, startedAt } = transaction
  const scroller = useRef<HTMLElement>(null)
  const [statement, setStatement] = useState<string | null>(null)
  const timeOrigin = usePanel(view => view.hello?.timeOrigin ?? 0)
  const own = useMemo(() => narrowed(told), [told])
  return (
    <article
      className="request-detail transaction-detail"
      ref={scroller}
      aria-label={`Transaction ${id}`}
      tabIndex={-1}
    >
      <div>
        <header className="detail-head">
          <BackButton query={query} />
          <h1>
            {id} on {engine}
          </h1>
          <span className="fate-tag" data-fate={fate}>
            <span className="fate-glyph" aria-hidden="true">
              {FATE_GLYPH[fate]}
            </span>{' '}
            {FATE_WORDS[fate]}
          </span>
          <p>
            {duration((endedAt ?? now) - startedAt)} · {clockTime(timeOrigin + startedAt, true)}
          </p>
        </header>
        <p className="verdict">{transactionVerdict(told)}</p>
        <CopyButtons offers={[{ as: 'Markdown', text: () => transactionMarkdown(told, now) }]} />
        <Facts told={told} />
        {commit && <CommitFigure commit={commit} now={now} />}
        <SavepointList transaction={transaction} now={now} />
        {own && request && (
          <StatementsTable request={own} scroller={scroller} picked={statement} onPick={setStatement} />
        )}
      </div>
    </article>
  )
}

/** The request reduced to this transaction, for the table of statements. */
function narrowed({ transaction, request }: Told): Request | null {
  return request
    ? { ...request, statements: statementsOf(transaction, request), omitted: 0, counted: [], stretches: [] }
    : null
}

function Facts({ told }: { told: Told }) {
  const { transaction, request, site, why } = told
  const truth = usePanel(view => view.truth)
  const connection = usePanel(view => view.state.connections.get(transaction.connection))
  const checkout = request?.checkouts.find(c => c.id === transaction.checkout)
  const said = transaction.endedAt === null ? locksOf(truth, connection, transaction) : undefined
  const blockers = usePanel(({ state }) =>
    said && !('unasked' in said)
      ? said.blockedBy.map(pid => blockerName(state, transaction.engine, pid)).join(', ')
      : '',
  )
  const slot = checkout?.slot ?? connection?.slot
  const pool = checkout?.pool ?? connection?.pool
  const lane = slot === null || slot === undefined || pool === undefined ? null : laneKey(pool, slot)
  return (
    <dl className="transaction-facts">
      <div>
        <dt>owner</dt>
        <dd>
          {request && request.id !== NO_CONTEXT ? (
            <a href={write('requests', [request.id])}>
              <UnitMark request={request.id} />
              {request.label} <span className="dim">{request.id}</span>
            </a>
          ) : (
            <a href={write('requests', [NO_CONTEXT])}>outside of any request</a>
          )}
        </dd>
      </div>
      <div>
        <dt>connection</dt>
        <dd className="mono">
          {lane === null ? (
            transaction.connection
          ) : (
            <a href={write('now', checkout ? [lane, transaction.request, checkout.id] : [lane])}>
              {transaction.connection} · slot {slot} · pid{' '}
              {checkout?.backendPid ?? connection?.backendPid ?? '?'}
            </a>
          )}
        </dd>
      </div>
      <div>
        <dt>begun at</dt>
        <dd>
          {transaction.site ? <SiteLink site={transaction.site} /> : <span className="dim">unknown</span>}
        </dd>
      </div>
      {transaction.endedAt !== null && (
        <div>
          <dt>ended</dt>
          <dd>
            {why} {site && <SiteLink site={site} />}
          </dd>
        </div>
      )}
      {said && 'locks' in said && (
        <div>
          <dt>{count(said.locks.length, 'lock')}</dt>
          <dd>
            <LockList locks={said.locks} />
            {said.blockedBy.length > 0 && <span className="hot"> waits for {blockers}</span>}
          </dd>
        </div>
      )}
    </dl>
  )
}

function BackButton({ query }: { query: string }) {
  return (
    <button
      type="button"
      className="detail-back"
      onClick={() => go('transactions', [], query)}
      aria-label="Back to the list"
      title="Back (Esc)"
    >
      ←
    </button>
  )
}

function GoneTransaction({ id, query }: { id: string; query: string }) {
  return (
    <article className="request-detail">
      <header className="detail-head">
        <BackButton query={query} />
        <h1>{id}</h1>
      </header>
      <p className="verdict">
        This transaction is not known here: it is too long ago, or of another run of the process.
      </p>
    </article>
  )
}
