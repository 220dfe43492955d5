import './query-list.css'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef } from 'react'
import { count } from '../../instrumentation/model/format.ts'
import type { Query } from '../../instrumentation/model/queries.ts'
import { SortHead } from '../components/sort-head.tsx'
import { QueryRow } from './query-row.tsx'

interface Props {
  queries: readonly Query[]
  isEmpty: boolean
  /** How many statements they sum, and of how many only the number is known, beyond the limit of `kept` per request. */
  statements: number
  omitted: number
  kept: number | null
  opened: string | undefined
  query: string
  onSort: (query: string) => void
}

const ROW = 34
const SPLIT_ROW = 54

/** The queries, one row each; only visible rows are rendered. */
export function QueryList(props: Props) {
  const { queries, isEmpty, statements, omitted, kept, opened, query, onSort } = props
  const scroller = useRef<HTMLDivElement>(null)
  const isSplit = opened !== undefined
  const size = isSplit ? SPLIT_ROW : ROW
  const virtualizer = useVirtualizer({
    count: queries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => size,
    getItemKey: index => queries[index]!.key,
    overscan: 8,
  })
  useEffect(() => virtualizer.measure(), [virtualizer, size])
  return (
    <div className="query-list" data-split={isSplit || undefined} role="table" aria-label="Queries">
      {!isSplit && <Heads query={query} onSort={onSort} />}
      <div className="query-scroll" ref={scroller} role="rowgroup">
        {queries.length === 0 && (
          <p className="request-none">
            {isEmpty ? 'No statement has been sent yet.' : 'No query matches this filter.'}
          </p>
        )}
        <div role="presentation" style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          {virtualizer.getVirtualItems().map(item => {
            const one = queries[item.index]!
            return (
              <div
                key={item.key}
                role="presentation"
                className="query-item"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <QueryRow one={one} isOpened={one.key === opened} isSplit={isSplit} query={query} />
              </div>
            )
          })}
        </div>
      </div>
      <p className="query-sum">
        {count(statements, 'statement')} of the requests that are kept
        {omitted > 0 && (
          <b>
            ; {omitted.toLocaleString('en')} beyond the limit
            {kept !== null && ` of ${kept.toLocaleString('en')} a request`} are known by their number alone
          </b>
        )}
      </p>
    </div>
  )
}

function Heads(sort: Pick<Props, 'query' | 'onSort'>) {
  return (
    <div className="query-heads" role="row">
      <SortHead column="text" label="query" isText {...sort} />
      <SortHead column="count" label="count" isRight {...sort} />
      <SortHead column="total" label="total ms" title="Executing, in all" isRight {...sort} />
      <SortHead column="p95" label="p95 ms" isRight {...sort} />
      <SortHead column="rows" label="rows" isRight {...sort} />
      <SortHead column="errors" label="errors" isRight {...sort} />
      <SortHead
        column="waits"
        label="waited ms"
        title="For a connection, and behind other statements of the session"
        isRight
        {...sort}
      />
      <SortHead
        column="duplicates"
        label="worst request"
        title="Where it was sent most often. Sort by how many repeat an earlier one of their request"
        {...sort}
      />
      <SortHead column="engine" label="engine" isText {...sort} />
      <SortHead column="line" label="line" isText {...sort} />
    </div>
  )
}
