import './list-row.css'
import { memo } from 'react'
import { count, duration, milliseconds } from '../../instrumentation/model/format.ts'
import type { Query } from '../../instrumentation/model/queries.ts'
import { NO_CONTEXT } from '../../instrumentation/model/state.ts'
import { Site } from '../components/site.tsx'
import { SqlText } from '../components/sql-text.tsx'
import { Tag } from '../components/tag.tsx'
import { write } from '../route.ts'

interface Props {
  one: Query
  isOpened: boolean
  isSplit: boolean
  query: string
}

/** One query on one line. */
export const QueryRow = memo(function QueryRow({ one, isOpened, isSplit, query }: Props) {
  const waited = one.queuedMs + one.waitedMs
  return (
    <div
      className={isSplit ? 'list-row query-row split' : 'list-row query-row'}
      role="row"
      aria-current={isOpened || undefined}
      data-query={one.key}
    >
      <span role="cell" className="query-text">
        <a href={write('queries', [one.key], query)}>
          <SqlText text={one.text} />
        </a>
      </span>
      <span role="cell" className="query-number right">
        {isSplit ? `×${one.count.toLocaleString('en')}` : one.count.toLocaleString('en')}
      </span>
      <span role="cell" className="query-total right">
        <b>{isSplit ? duration(one.totalMs) : milliseconds(one.totalMs)}</b>
      </span>
      <span role="cell" className="right">
        {one.p95Ms === null ? '…' : milliseconds(one.p95Ms)}
      </span>
      <span role="cell" className={one.rows > 0 ? 'right' : 'right dim'}>
        {one.rows.toLocaleString('en')}
      </span>
      <span role="cell" className={one.failed > 0 ? 'right hot' : 'right dim'}>
        {one.failed > 0 ? one.failed.toLocaleString('en') : '–'}
      </span>
      <span
        role="cell"
        className={waited >= 1 ? 'right' : 'right dim'}
        title={`${duration(one.waitedMs)} for a connection, ${duration(one.queuedMs)} behind other statements`}
      >
        {waited < 0.05 ? '–' : milliseconds(waited)}
      </span>
      <span role="cell" className="query-worst">
        <Worst one={one} />
      </span>
      <span role="cell" title={one.engines.join(', ')}>
        {one.engines.join(', ')}
      </span>
      <span role="cell" className="query-line">
        {one.site ? <Site site={one.site} /> : <span className="dim">unknown</span>}
      </span>
    </div>
  )
})

/** Where it was sent most often in one request. */
function Worst({ one: { worst, isControl } }: { one: Query }) {
  const { request } = worst
  if (request.id === NO_CONTEXT) return <a href={write('requests', [NO_CONTEXT])}>{request.label}</a>
  const isRepeated = worst.count > 1 && !isControl
  return (
    <>
      {isRepeated && (
        <Tag tone="warn" title={`${count(worst.count, 'time')} in one request, ${worst.manner}`}>
          ×{worst.count} {worst.manner}
        </Tag>
      )}{' '}
      <a href={write('requests', [request.id])} title={`${request.label} ${request.id}`}>
        {request.id} <em>{request.label}</em>
      </a>
    </>
  )
}
