import './split-view.css'
import { useDeferredValue, useMemo, useRef } from 'react'
import { completionsOf, wordsOf } from '../model/filter.ts'
import { BY_ROUTE, FILTER_EXAMPLES, requestFilter, REQUESTS } from '../model/request-filter.ts'
import { NO_CONTEXT } from '../../instrumentation/model/state.ts'
import { useMoment, usePanel } from '../model/use-panel.ts'
import { adjust, useRoute } from '../route.ts'
import { NoRequestLink } from './no-request-link.tsx'
import { NoRequests, NotYetHeard } from './nothing-yet.tsx'
import { QueryBox } from './query-box.tsx'
import { RequestDetail } from './request-detail.tsx'
import { RequestList } from './request-list.tsx'
import { RouteList } from './route-list.tsx'
import { useFollow } from './use-follow.ts'
import { useListKeys } from './use-list-keys.ts'

/** Every request as it happens, newest first, with one opened beside the list. */
export function RequestsView() {
  const { path, query } = useRoute()
  const [opened, statement] = path
  // Four times a second: a faster list cannot be read, and moving it is the page's most expensive work.
  const { state, now } = useMoment()
  const { order, requests } = state
  const isHeard = usePanel(view => view.state.seq > 0 || view.stat !== null)
  const hasStrayWork = usePanel(view => view.state.requests.has(NO_CONTEXT))
  const box = useRef<HTMLInputElement>(null)
  const searched = useDeferredValue(query)
  const { matches, order: by, problems } = useMemo(() => requestFilter(searched), [searched])
  const isSearched = searched.trim() !== ''
  // A request may come to match long after it began: during a search, all are tested again at each tick.
  const at = isSearched ? now : 0
  const sought = isSearched ? requests : null
  const ids = useMemo(() => {
    const newestFirst = order.toReversed()
    if (!sought) return newestFirst
    const found = newestFirst.filter(id => matches(sought.get(id), at))
    return by ? found.sort((a, b) => by(sought.get(a), sought.get(b), at)) : found
  }, [order, sought, matches, by, at])
  const isByRoute = wordsOf(searched).includes(BY_ROUTE) && opened === undefined
  const follow = useFollow(ids, requests, `${searched} ${path.length}`, opened !== undefined)
  useListKeys({ view: 'requests', box, shown: () => follow.shown, toggleFollow: follow.toggle })
  const change = (next: string) => adjust('requests', path, next)
  if (!isHeard) return <NotYetHeard />
  if (order.length === 0 && opened === undefined && !hasStrayWork) return <NoRequests />
  return (
    <main className="split-view" data-split={opened !== undefined || undefined} aria-label="Requests">
      <div className="split-list">
        {opened === undefined && <h1 className="visually-hidden">Requests</h1>}
        <QueryBox
          ref={box}
          query={query}
          found={ids.length}
          of={order.length}
          follow={follow}
          noun="request"
          placeholder="Filter: text, engine:writer, status:500, slow:>100"
          offered={FILTER_EXAMPLES}
          completions={completionsOf(REQUESTS, query, state)}
          problems={problems}
          onChange={change}
        />
        {isByRoute ? (
          <RouteList
            requests={follow.shown.flatMap(id => requests.get(id) ?? [])}
            query={query}
            now={now}
            onSort={change}
          />
        ) : (
          <RequestList
            ids={follow.shown}
            opened={opened}
            // What is new is not on top of a sorted list.
            follow={by ? { ...follow, fresh: 0 } : follow}
            isSplit={opened !== undefined}
            query={query}
            onSort={change}
          />
        )}
        <NoRequestLink isOpened={opened === NO_CONTEXT} query={query} />
      </div>
      {opened !== undefined && (
        <RequestDetail
          key={`${opened} ${statement ?? ''}`}
          id={opened}
          statement={statement ?? null}
          query={query}
          past={follow.past}
        />
      )}
    </main>
  )
}
