import './requests-view.css'
import { useDeferredValue, useMemo, useRef } from 'react'
import { useKeys } from '../keys.ts'
import { requestFilter } from '../model/request-filter.ts'
import { NO_CONTEXT } from '../model/state.ts'
import { useModel, useNowWhile, usePanel } from '../model/use-panel.ts'
import { adjust, go, useRoute } from '../route.ts'
import { NoRequestLink } from './no-request-link.tsx'
import { NoRequests, NotYetHeard } from './nothing-yet.tsx'
import { QueryBox } from './query-box.tsx'
import { RequestDetail } from './request-detail.tsx'
import { RequestList } from './request-list.tsx'
import { useFollow } from './use-follow.ts'

/** Every request as it happens, newest first; one of them opened beside. */
export function RequestsView() {
  const model = useModel()
  const { path, query } = useRoute()
  const [opened] = path
  const order = usePanel(view => view.state.order)
  const isHeard = usePanel(view => view.state.seq > 0 || view.stat !== null)
  const hasStrayWork = usePanel(view => view.state.requests.has(NO_CONTEXT))
  const box = useRef<HTMLInputElement>(null)
  const searched = useDeferredValue(query)
  const matches = useMemo(() => requestFilter(searched), [searched])
  // A request may come to match long after it began: it is asked again while any of them can change.
  const now = useNowWhile(searched.trim() !== '')
  const ids = useMemo(() => {
    const newestFirst = order.toReversed()
    if (searched.trim() === '') return newestFirst
    const { requests } = model.view().state
    return newestFirst.filter(id => matches(requests.get(id), now))
  }, [model, order, searched, matches, now])
  const follow = useFollow(ids, `${searched} ${path.length}`, opened !== undefined)
  const move = (by: 1 | -1) => {
    const { shown } = follow
    if (shown.length === 0) return
    const at = opened === undefined ? -1 : shown.indexOf(opened)
    const next = shown[Math.min(shown.length - 1, Math.max(0, at === -1 ? 0 : at + by))]!
    if (opened === undefined) go('requests', [next], query)
    else adjust('requests', [next], query)
  }
  useKeys({
    '/': () => box.current?.focus(),
    f: () => follow.toggle(),
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Escape: () => {
      if (document.activeElement === box.current) return box.current?.blur()
      if (opened !== undefined) return go('requests', [], query)
      return query === '' ? false : adjust('requests', [], '')
    },
  })
  if (!isHeard) return <NotYetHeard />
  if (order.length === 0 && opened === undefined && !hasStrayWork) return <NoRequests />
  return (
    <main className="requests" data-split={opened !== undefined || undefined} aria-label="Requests">
      <div className="requests-list">
        <QueryBox
          ref={box}
          query={query}
          found={ids.length}
          of={order.length}
          follow={follow}
          onChange={next => adjust('requests', path, next)}
        />
        <RequestList
          ids={follow.shown}
          opened={opened}
          follow={follow}
          isSplit={opened !== undefined}
          query={query}
        />
        <NoRequestLink isOpened={opened === NO_CONTEXT} query={query} />
      </div>
      {opened !== undefined && <RequestDetail key={opened} id={opened} query={query} />}
    </main>
  )
}
