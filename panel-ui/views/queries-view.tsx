import './split-view.css'
import { useDeferredValue, useMemo, useRef } from 'react'
import { queriesOf } from '../../instrumentation/model/queries.ts'
import { completionsOf } from '../model/filter.ts'
import { queryFilter, QUERIES, QUERY_WORDS } from '../model/query-filter.ts'
import { useMoment, usePanel } from '../model/use-panel.ts'
import { adjust, useRoute } from '../route.ts'
import { NotYetHeard } from './nothing-yet.tsx'
import { QueryBox } from './query-box.tsx'
import { QueryDetail } from './query-detail.tsx'
import { QueryList } from './query-list.tsx'
import { useListKeys } from './use-list-keys.ts'

const toggleNothing = () => {}

/** What was sent, by its normal form and line: how often, for how long, and in which request most often. */
export function QueriesView() {
  const { path, query } = useRoute()
  const [opened] = path
  const { state, now } = useMoment()
  const { requests } = state
  const isHeard = usePanel(view => view.state.seq > 0 || view.stat !== null)
  const kept = usePanel(view => view.hello?.limits.statementsPerRequest ?? null)
  const box = useRef<HTMLInputElement>(null)
  const { queries, omitted, statements } = useMemo(() => queriesOf({ requests }), [requests])
  const searched = useDeferredValue(query)
  const { matches, order, problems } = useMemo(() => queryFilter(searched), [searched])
  const shown = useMemo(() => {
    const found = queries.filter(one => matches(one, 0))
    return found.sort((a, b) => order?.(a, b, 0) || b.totalMs - a.totalMs || b.count - a.count)
  }, [queries, matches, order])
  useListKeys({
    view: 'queries',
    box,
    shown: () => shown.map(({ key }) => key),
    toggleFollow: toggleNothing,
  })
  if (!isHeard) return <NotYetHeard />
  const change = (next: string) => adjust('queries', path, next)
  const picked = opened === undefined ? undefined : queries.find(({ key }) => key === opened)
  return (
    <main className="split-view" data-split={opened !== undefined || undefined} aria-label="Queries">
      <div className="split-list">
        {opened === undefined && <h1 className="visually-hidden">Queries</h1>}
        <QueryBox
          ref={box}
          query={query}
          found={shown.length}
          of={queries.length}
          noun="query"
          nouns="queries"
          placeholder="Filter: text, engine:writer, count:>100, slow:>100"
          offered={QUERY_WORDS}
          completions={completionsOf(QUERIES, query, state)}
          problems={problems}
          onChange={change}
        />
        <QueryList
          queries={shown}
          isEmpty={queries.length === 0}
          statements={statements}
          omitted={omitted}
          kept={kept}
          opened={opened}
          query={query}
          onSort={change}
        />
      </div>
      {opened !== undefined && (
        <QueryDetail key={opened} id={opened} found={picked} query={query} now={now} />
      )}
    </main>
  )
}
