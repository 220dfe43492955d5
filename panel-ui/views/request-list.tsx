import './request-list.css'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef } from 'react'
import { FreshPill } from './fresh-pill.tsx'
import { RequestRow } from './request-row.tsx'
import type { Follow } from './use-follow.ts'

interface Props {
  ids: readonly string[]
  opened: string | undefined
  follow: Follow
  isSplit: boolean
  query: string
}

const ROW = 34
const SPLIT_ROW = 54

/** The requests, one row each; only visible rows are rendered. */
export function RequestList({ ids, opened, follow, isSplit, query }: Props) {
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
      {!isSplit && <Heads />}
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

function Heads() {
  return (
    <div className="request-heads" aria-hidden="true">
      <span />
      <span>time</span>
      <span>request</span>
      <span className="right">status</span>
      <span className="right">duration</span>
      <span>where the time went</span>
      <span className="right">statements</span>
      <span>
        engines <em>○ initialized ◐ started ● ended</em>
      </span>
    </div>
  )
}
