import { unionMs } from '../../instrumentation/model/union-of.ts'
import './statements-table.css'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useMemo, useRef, useState, type RefObject } from 'react'
import { count, duration } from '../../instrumentation/model/format.ts'
import { foldRuns, groupsOf, similarKey, type StatementLine } from '../../instrumentation/findings/similar.ts'
import type { Request } from '../../instrumentation/model/state.ts'
import { duplicatesIn, waitsOf } from '../../instrumentation/model/request-queries.ts'
import { CountedLine, RunLine, StatementLineRow } from './statement-line.tsx'

interface Props {
  request: Request
  scroller: RefObject<HTMLElement | null>
  picked: string | null
  onPick: (statement: string | null) => void
}

/** The request's statements, in order; runs of similar ones are folded into one line. */
export function StatementsTable({ request, scroller, picked, onPick }: Props) {
  const { statements } = request
  const [openRuns, setOpenRuns] = useState<ReadonlySet<string>>(new Set())
  const { counted } = request
  const lines = useMemo(
    (): StatementLine[] => [
      ...foldRuns(statements, openRuns),
      ...counted.filter(({ total }) => total > 0).map(one => ({ type: 'counted' as const, counted: one })),
    ],
    [statements, openRuns, counted],
  )
  const similar = useMemo(() => new Map(groupsOf(statements).map(g => [g.key, g.ids.length])), [statements])
  const waits = useMemo(() => waitsOf(request), [request])
  const body = useRef<HTMLDivElement>(null)
  const [margin, setMargin] = useState(0)
  const isEmpty = lines.length === 0
  // The content above the rows may grow, and nothing else reports that.
  useEffect(() => {
    const [from, rows] = [scroller.current, body.current]
    if (!from?.firstElementChild || !rows) return
    const observer = new ResizeObserver(() => {
      const top = rows.getBoundingClientRect().top - from.getBoundingClientRect().top
      setMargin(Math.round(top + from.scrollTop))
    })
    observer.observe(from.firstElementChild)
    return () => observer.disconnect()
  }, [scroller, isEmpty])
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 30,
    getItemKey: index => keyOf(lines[index]!),
    scrollMargin: margin,
    overscan: 12,
  })
  const toggleRun = useCallback(
    (key: string) =>
      setOpenRuns(open => new Set(open.has(key) ? [...open].filter(k => k !== key) : [...open, key])),
    [],
  )
  usePickedInSight(picked, lines, setOpenRuns, index => virtualizer.scrollToIndex(index, { align: 'center' }))
  if (isEmpty) return null
  const { duplicates, of } = duplicatesIn(request)
  const queued = unionMs(statements.map(s => ({ from: s.startedAt - s.queuedMs, to: s.startedAt })))
  return (
    <section aria-label="Statements of this request">
      <h2 className="section-head">
        Statements{' '}
        <span>
          {count(statements.length + request.omitted, 'statement')}
          {duplicates > 0 &&
            `, ${duplicates.toLocaleString('en')} of ${of.toLocaleString('en')} are duplicates`}
          {queued > 0.5 && `, of which ${duration(queued)} queued`}
          {request.omitted > 0 && `; ${request.omitted.toLocaleString('en')} summed, not kept one by one`}
        </span>
      </h2>
      <div className="statements" role="table" aria-label="Statements" aria-rowcount={lines.length + 1}>
        <div className="statement-heads" role="row">
          <span role="columnheader">statement</span>
          <span role="columnheader">engine</span>
          <span role="columnheader" className="right" title="Waiting for a connection, ms">
            wait
          </span>
          <span role="columnheader" className="right" title="Behind other statements of its session, ms">
            queued
          </span>
          <span role="columnheader" className="right" title="On the wire until answered, ms">
            execute ms
          </span>
          <span role="columnheader" className="right">
            rows
          </span>
          <span role="columnheader" className="right" title="Parameters; their values stay in the process">
            params
          </span>
          <span role="columnheader">line</span>
        </div>
        <div ref={body} role="rowgroup" style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          {virtualizer.getVirtualItems().map(item => {
            const line = lines[item.index]!
            return (
              <div
                key={item.key}
                ref={virtualizer.measureElement}
                data-index={item.index}
                role="presentation"
                className="statement-place"
                style={{ transform: `translateY(${item.start - margin}px)` }}
              >
                {line.type === 'counted' ? (
                  <CountedLine counted={line.counted} />
                ) : line.type === 'run' ? (
                  <RunLine line={line} onToggle={toggleRun} />
                ) : (
                  <StatementLineRow
                    statement={line.statement}
                    waitMs={waits.get(line.statement.id) ?? 0}
                    similar={line.inRun ? 0 : (similar.get(similarKey(line.statement)) ?? 0)}
                    isInRun={line.inRun}
                    isPicked={picked === line.statement.id}
                    onPick={onPick}
                  />
                )}
              </div>
            )
          })}
        </div>
      </div>
    </section>
  )
}

type Lines = readonly StatementLine[]

function keyOf(line: StatementLine): string {
  switch (line.type) {
    case 'one':
      return line.statement.id
    case 'run':
      return `run ${line.key}`
    case 'counted':
      return `counted ${line.counted.part}`
    default:
      return line satisfies never
  }
}

/** Scrolls to a statement that was picked on the timeline, and unfolds its run if needed. */
function usePickedInSight(
  picked: string | null,
  lines: Lines,
  setOpenRuns: (change: (open: ReadonlySet<string>) => ReadonlySet<string>) => void,
  scrollTo: (index: number) => void,
): void {
  const done = useRef<string | null>(null)
  useEffect(() => {
    if (picked === done.current) return
    const index = lines.findIndex(line => line.type === 'one' && line.statement.id === picked)
    if (index >= 0) {
      done.current = picked
      scrollTo(index)
      return
    }
    const run = lines.find(line => line.type === 'run' && line.statements.some(s => s.id === picked))
    if (run?.type === 'run') setOpenRuns(open => new Set([...open, run.key]))
  })
}
