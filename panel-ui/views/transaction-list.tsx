import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from 'react'
import type { ServerTruth } from '../../instrumentation/model/protocol.ts'
import type { Told } from '../../instrumentation/findings/tell-transaction.ts'
import { FreshPill } from './fresh-pill.tsx'
import { TransactionRow } from './transaction-row.tsx'
import type { Follow } from './use-follow.ts'

interface Props {
  open: readonly Told[]
  ended: readonly Told[]
  isEmpty: boolean
  /** Shown beside the heading of the ended ones. */
  reads: ReactNode
  opened: string | undefined
  follow: Pick<Follow, 'fresh' | 'catchUp' | 'hover'>
  query: string
  truth: ServerTruth | null
  now: number
  /** Shown above the open ones, and scrolls with them. */
  before: ReactNode
}

const ROW = 34
const SPLIT_ROW = 54

const narrow = matchMedia('(width <= 720px)')
const isNarrow = () => narrow.matches
function subscribeToWidth(changed: () => void): () => void {
  narrow.addEventListener('change', changed)
  return () => narrow.removeEventListener('change', changed)
}

/**
 * Open transactions, oldest first, and below them ended ones, newest first; of those, only visible rows are rendered.
 */
export function TransactionList(props: Props) {
  const { open, ended, isEmpty, reads, opened, follow, query, truth, now, before } = props
  const isSplit = opened !== undefined
  const isTall = useSyncExternalStore(subscribeToWidth, isNarrow) || isSplit
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useRef<HTMLDivElement>(null)
  const [margin, setMargin] = useState(0)
  const size = isTall ? SPLIT_ROW : ROW
  // The content above the rows changes its height, and nothing else reports that.
  useEffect(() => {
    const [from, list] = [scroller.current, rows.current]
    if (!from || !list?.previousElementSibling) return
    const observer = new ResizeObserver(() =>
      setMargin(
        Math.round(list.getBoundingClientRect().top - from.getBoundingClientRect().top + from.scrollTop),
      ),
    )
    observer.observe(list.previousElementSibling)
    return () => observer.disconnect()
  }, [])
  const virtualizer = useVirtualizer({
    count: ended.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => size,
    getItemKey: index => ended[index]!.transaction.id,
    scrollMargin: margin,
    overscan: 8,
  })
  useEffect(() => virtualizer.measure(), [virtualizer, size])
  const openedAt = opened === undefined ? -1 : ended.findIndex(told => told.transaction.id === opened)
  useEffect(() => {
    if (openedAt >= 0) virtualizer.scrollToIndex(openedAt, { align: 'auto' })
  }, [virtualizer, openedAt])
  const row = (told: Told) => (
    <TransactionRow
      told={told}
      truth={told.transaction.endedAt === null ? truth : null}
      now={told.transaction.endedAt === null ? now : 0}
      isOpened={told.transaction.id === opened}
      isSplit={isTall}
      query={query}
    />
  )
  return (
    <div className="transaction-list" data-split={isSplit || undefined}>
      <FreshPill follow={follow} scroller={scroller} />
      <div className="transaction-scroll" ref={scroller}>
        <div>
          {before}
          <h2 className="section-head">
            Open <span>{open.length === 0 ? 'none right now' : `${open.length}, the oldest first`}</span>
          </h2>
          {open.length > 0 && (
            <div role="list" aria-label="Open transactions, oldest first" className="transaction-rows">
              {!isSplit && <Heads of="open" />}
              {open.map(told => (
                <div role="listitem" key={told.transaction.id}>
                  {row(told)}
                </div>
              ))}
            </div>
          )}
          <h2 className="section-head">
            Ended{' '}
            <span>
              {ended.length > 0
                ? 'newest first'
                : isEmpty
                  ? 'none yet: each transaction appears here as it ends'
                  : 'none of these'}
            </span>
            {!isSplit && reads}
          </h2>
          {!isSplit && ended.length > 0 && <Heads of="ended" />}
        </div>
        <div
          ref={rows}
          role="list"
          aria-label="Ended transactions, newest first"
          className="transaction-rows"
          onPointerEnter={() => follow.hover(true)}
          onPointerLeave={() => follow.hover(false)}
          onFocus={() => follow.hover(true)}
          onBlur={() => follow.hover(false)}
          style={{ height: virtualizer.getTotalSize(), position: 'relative' }}
        >
          {virtualizer.getVirtualItems().map(item => (
            <div
              key={item.key}
              role="listitem"
              className="transaction-item"
              style={{ transform: `translateY(${item.start - margin}px)` }}
            >
              {row(ended[item.index]!)}
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}

function Heads({ of }: { of: 'open' | 'ended' }) {
  const isOpen = of === 'open'
  return (
    <div className="transaction-heads" aria-hidden="true">
      <span />
      <span>state</span>
      <span>{isOpen ? 'since' : 'ended'}</span>
      <span className="right">{isOpen ? 'age' : 'lasted'}</span>
      <span>owner</span>
      <span>engine</span>
      <span>connection</span>
      <span className="right">statements</span>
      <span>{isOpen ? 'locks' : 'commit'}</span>
      <span>{isOpen ? 'right now, and where it began' : 'why it ended, and where'}</span>
    </div>
  )
}
