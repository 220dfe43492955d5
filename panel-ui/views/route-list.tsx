import './route-list.css'
import { count, duration, milliseconds } from '../../instrumentation/model/format.ts'
import type { Request } from '../../instrumentation/model/state.ts'
import { SortHead } from '../components/sort-head.tsx'
import { Tag } from '../components/tag.tsx'
import { toggleWord } from '../model/filter.ts'
import { BY_ROUTE, routeWord } from '../model/request-filter.ts'
import { routesOf } from '../model/routes.ts'
import { write } from '../route.ts'

interface Props {
  requests: readonly Request[]
  query: string
  now: number
  onSort: (query: string) => void
}

/** The requests by route, one line each; a click shows those of one. */
export function RouteList({ requests, query, now, onSort }: Props) {
  const routes = routesOf(requests, query, now)
  const sort = { query, onSort }
  return (
    <div className="list-table-scroll">
      <div className="list-table route-table" role="table" aria-label="Routes">
        <div className="list-table-heads" role="row">
          <SortHead column="request" label="route" isText {...sort} />
          <SortHead column="time" label="requests" isRight {...sort} />
          <SortHead column="outcome" label="failed" isRight {...sort} />
          <span role="columnheader" className="right">
            median ms
          </span>
          <SortHead column="duration" label="p95 ms" isRight {...sort} />
          <SortHead
            column="statements"
            label="statements"
            title="Statements per request, on average"
            isRight
            {...sort}
          />
          <SortHead
            column="duplicates"
            label="duplicates"
            title="Statements that repeat an earlier one of their request, on average"
            isRight
            {...sort}
          />
          <span role="columnheader">slowest</span>
        </div>
        {routes.length === 0 && <p className="request-none">No request matches this filter.</p>}
        {routes.map(route => (
          <div key={route.label} className="list-table-row" role="row" data-route={route.label}>
            <span role="cell" className="list-table-main">
              <a
                href={write(
                  'requests',
                  [],
                  `${toggleWord(query, BY_ROUTE)} route:${routeWord(route.label)}`.trim(),
                )}
              >
                {route.label}
              </a>
              {route.running > 0 && <Tag tone="warn">{route.running} running</Tag>}
            </span>
            <span role="cell" className="right">
              {route.requests.length.toLocaleString('en')}
            </span>
            <span role="cell" className={route.failed > 0 ? 'right hot' : 'right dim'}>
              {route.failed}
            </span>
            <span role="cell" className="right">
              {milliseconds(route.medianMs)}
            </span>
            <span role="cell" className="right">
              <b>{milliseconds(route.p95Ms)}</b>
            </span>
            <span role="cell" className="right">
              {oneDigit(route.statements)}
            </span>
            <span role="cell" className={route.duplicates >= 1 ? 'right' : 'right dim'}>
              {oneDigit(route.duplicates)}
            </span>
            <span role="cell">
              <a
                href={write('requests', [route.slowest.id], query)}
                title={count(route.slowest.statements.length, 'statement')}
              >
                {route.slowest.id} · {duration((route.slowest.endedAt ?? now) - route.slowest.startedAt)}
              </a>
            </span>
          </div>
        ))}
      </div>
    </div>
  )
}

const oneDigit = (n: number): string =>
  n < 10 && n % 1 >= 0.05 ? n.toFixed(1) : Math.round(n).toLocaleString('en')
