import './query-detail.css'
import { count, duration } from '../../instrumentation/model/format.ts'
import { requestsWith, type InRequest, type Query } from '../../instrumentation/model/queries.ts'
import { fingerprintOf } from '../../instrumentation/model/fingerprint.ts'
import { NO_CONTEXT } from '../../instrumentation/model/state.ts'
import { CopyButtons } from '../components/copy-buttons.tsx'
import { SiteLink } from '../components/site-link.tsx'
import { SqlText } from '../components/sql-text.tsx'
import { Tag } from '../components/tag.tsx'
import { duplicatesIn } from '../../instrumentation/model/request-queries.ts'
import { queryVerdict } from '../model/query-verdict.ts'
import { usePanel } from '../model/use-panel.ts'
import { go, write } from '../route.ts'
import type { ReactNode } from 'react'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  id: string
  found: Query | undefined
  query: string
  now: number
}

const LISTED = 50

/** One query opened: its text, its figures, and the requests in which it was sent, the worst first. */
export function QueryDetail({ id, found, query, now }: Props) {
  const requests = usePanel(view => view.state.requests)
  const back = (
    <button
      type="button"
      className="detail-back"
      onClick={() => go('queries', [], query)}
      aria-label="Back to the list"
      title="Back (Esc)"
    >
      ←
    </button>
  )
  if (!found)
    return (
      <article className="request-detail">
        <header className="detail-head">
          {back}
          <h1>Query {id}</h1>
        </header>
        <p className="verdict">
          No request that is kept has sent this query: it is too long ago, or of another run.
        </p>
      </article>
    )
  const places = requestsWith({ requests }, id)
  return (
    <article className="request-detail" aria-label={`Query ${id}`} data-query={id} tabIndex={-1}>
      <div>
        <header className="detail-head">
          {back}
          <h1>
            {count(found.count, 'time')}, {duration(found.totalMs)} in all
          </h1>
          {found.failed > 0 && <Tag tone="bad">{count(found.failed, 'error')}</Tag>}
          {found.running > 0 && <Tag tone="warn">{found.running} running</Tag>}
          <CopyButtons offers={[{ as: 'SQL', text: () => found.text }]} />
        </header>
        <p className="verdict">{queryVerdict(found)}</p>
        <div className="query-whole">
          <SqlText text={found.text} isWhole />
        </div>
        <dl className="query-facts">
          <Fact name="line">
            {found.site ? <SiteLink site={found.site} /> : <span className="dim">unknown</span>}
          </Fact>
          <Fact name="engines">{found.engines.join(', ')}</Fact>
          <Fact name="p95">{found.p95Ms === null ? 'not answered yet' : duration(found.p95Ms)}</Fact>
          <Fact name="longest">{found.maxMs === null ? 'not answered yet' : duration(found.maxMs)}</Fact>
          <Fact name="rows">{found.rows.toLocaleString('en')}</Fact>
          <Fact name="waited for a connection">{duration(found.waitedMs)}</Fact>
          <Fact name="behind other statements">{duration(found.queuedMs)}</Fact>
          <Fact name="normal form">
            <span className="mono">{fingerprintOf(found.text)}</span>
          </Fact>
        </dl>
        <h2 className="section-head">
          Requests{' '}
          <span>
            {count(places.length, 'request')}, the worst first
            {places.length > LISTED && `; the first ${LISTED} are shown`}
          </span>
        </h2>
        <div className="table-scroll">
          <table className="detail-table" aria-label="Requests with this query">
            <thead>
              <tr>
                <th>request</th>
                <th className="right">sent here</th>
                <th>how</th>
                <th className="right">executing</th>
                <th className="right">request took</th>
                <th className="right">duplicates in it</th>
              </tr>
            </thead>
            <tbody>
              {places.slice(0, LISTED).map(place => (
                <Place key={place.request.id} place={place} now={now} />
              ))}
            </tbody>
          </table>
        </div>
      </div>
    </article>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt> <dd>{children}</dd>
    </div>
  )
}

function Place({ place, now }: { place: InRequest; now: number }) {
  const { request } = place
  const isRequest = request.id !== NO_CONTEXT
  const { duplicates, of } = duplicatesIn(request)
  return (
    <tr>
      <td>
        <a href={write('requests', [request.id])}>
          {isRequest && <UnitMark request={request.id} />}
          {request.label} {isRequest && <span className="dim">{request.id}</span>}
        </a>
      </td>
      <td className="right">{place.count.toLocaleString('en')}</td>
      <td>{place.manner}</td>
      <td className="right">{duration(place.executingMs)}</td>
      <td className="right">{isRequest ? duration((request.endedAt ?? now) - request.startedAt) : '–'}</td>
      <td className="right">{isRequest ? `${duplicates} of ${of}` : '–'}</td>
    </tr>
  )
}
