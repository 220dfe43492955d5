import './request-list.css'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef } from 'react'
import { SortHead } from '../components/sort-head.tsx'
import { FreshPill } from './fresh-pill.tsx'
import { RequestRow } from './request-row.tsx'
import type { Follow } from './use-follow.ts'

interface Props {
  ids: readonly string[]
  opened: string | undefined
  follow: Pick<Follow, 'fresh' | 'catchUp' | 'hover' | 'past'>
  isSplit: boolean
  query: string
  onSort: (query: string) => void
}

const ROW = 34
const SPLIT_ROW = 54

/** The requests, one row each; only visible rows are rendered. */
export function RequestList({ ids, opened, follow, isSplit, query, onSort }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const size = isSplit ? SPLIT_ROW : ROW
  const virtualizer = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => size,
    getItemKey: index => ids[index]!,
    overscan: 8,
  })
  useEffect(() => virtualizer.measure(), [virtualizer, size])
  const openedAt = opened === undefined ? -1 : ids.indexOf(opened)
  useEffect(() => {
    if (openedAt >= 0) virtualizer.scrollToIndex(openedAt, { align: 'auto' })
  }, [virtualizer, openedAt])
  return (
    <div className="request-list" data-split={isSplit || undefined}>
      {!isSplit && <Heads query={query} onSort={onSort} />}
      <FreshPill follow={follow} scroller={scroller} />
      <div
        className="request-scroll"
        ref={scroller}
        onPointerEnter={() => follow.hover(true)}
        onPointerLeave={() => follow.hover(false)}
        onFocus={() => follow.hover(true)}
        onBlur={() => follow.hover(false)}
        role="list"
        aria-label="Requests, newest first"
      >
        {ids.length === 0 && <p className="request-none">No request matches this filter.</p>}
        <div role="presentation" style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          {virtualizer.getVirtualItems().map(item => (
            <div
              key={item.key}
              role="listitem"
              className="request-item"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <RequestRow
                id={ids[item.index]!}
                past={follow.past}
                isOpened={ids[item.index] === opened}
                isSplit={isSplit}
                query={query}
              />
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}

function Heads(sort: Pick<Props, 'query' | 'onSort'>) {
  return (
    <div role="table" aria-label="Columns">
      <div className="request-heads" role="row">
        <SortHead column="outcome" label="outcome" isText {...sort} />
        <SortHead column="time" label="time" {...sort} />
        <SortHead column="request" label="request" isText {...sort} />
        <SortHead column="status" label="status" isRight {...sort} />
        <SortHead column="duration" label="duration" isRight {...sort} />
        <span role="columnheader">where the time went</span>
        <SortHead column="statements" label="statements" isRight {...sort} />
        <span role="columnheader">
          engines <em>○ initialized ◐ started ● ended</em>
        </span>
      </div>
    </div>
  )
}
