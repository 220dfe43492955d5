import './request-lanes.css'
import type { ReactNode } from 'react'
import { count, duration, milliseconds } from '../../instrumentation/model/format.ts'
import type { Engine } from '../../instrumentation/model/state.ts'
import { said } from '../model/said.ts'
import { usePanel } from '../model/use-panel.ts'
import { write } from '../route.ts'
import type { Span } from '../model/span.ts'
import type { Timeline, TimelineLane } from '../model/timeline.ts'

interface Props {
  timeline: Timeline
  picked: string | null
  onPick: (statement: string) => void
}

/** The request's connections on wall-clock time: waits, holds, statements, and the transactions around them. */
export function RequestLanes({ timeline, picked, onPick }: Props) {
  const engines = usePanel(view => view.state.engines)
  const { lanes, length, responseAt } = timeline
  if (lanes.length === 0) return null
  const isPast = responseAt !== null && length - responseAt > length * 0.005
  return (
    <section aria-label="Connections of this request">
      <h2 className="section-head">
        Connections <span>wall clock, 0 to {duration(length)}</span>
      </h2>
      <div className="request-lanes">
        {lanes.map(lane => (
          <div
            className="request-lane"
            key={lane.key}
            data-connection={lane.connection ?? undefined}
            data-engine={lane.engine}
          >
            <div className="request-lane-name">
              <b title={lane.engine}>{lane.engine}</b>
              <span className="mono">
                {lane.connection === null
                  ? 'no connection'
                  : `${lane.connection} · slot ${lane.slot} · pid ${lane.backendPid ?? '?'}`}
              </span>
            </div>
            <LaneTrack
              lane={lane}
              length={length}
              responseAt={isPast ? responseAt : null}
              picked={picked}
              onPick={onPick}
            />
            <div className="request-lane-end">
              <EndLink lane={lane}>{endOf(lane, isPast, engines.get(lane.engine))}</EndLink>
            </div>
          </div>
        ))}
        <div className="request-axis" aria-hidden="true">
          {[0, 0.25, 0.5, 0.75, 1].map(share => (
            <span key={share}>{duration(length * share)}</span>
          ))}
        </div>
      </div>
    </section>
  )
}

/** Less than this share of the axis is less than a pixel. */
const PIXEL_SHARE = 0.001

/** Leaves out spans that would be painted onto the previous span's pixel. */
function inSight<S extends Span>(spans: readonly S[], length: number, isKept?: (span: S) => boolean): S[] {
  let drawnTo = Number.NEGATIVE_INFINITY
  return spans.filter(span => {
    if (span.to - drawnTo < length * PIXEL_SHARE && !isKept?.(span)) return false
    drawnTo = Math.max(drawnTo, span.to)
    return true
  })
}

interface TrackProps extends Omit<Props, 'timeline'> {
  lane: TimelineLane
  length: number
  responseAt: number | null
}

function LaneTrack({ lane, length, responseAt, picked, onPick }: TrackProps) {
  const place = ({ from, to }: Span) => ({
    left: `${(from / length) * 100}%`,
    width: `${(Math.max(0, to - from) / length) * 100}%`,
  })
  return (
    <div className="request-track">
      {inSight(lane.waits, length, wait => wait.label !== null).map((wait, i) => (
        <i key={`w${i}`} className={wait.failed ? 'span-wait failed' : 'span-wait'} style={place(wait)}>
          {wait.label !== null && <span>{wait.label}</span>}
        </i>
      ))}
      {inSight(lane.holds, length).map((hold, i) => (
        <i key={`h${i}`} className="span-hold" style={place(hold)} />
      ))}
      {inSight(lane.brackets, length).map(bracket => (
        <i
          key={bracket.transaction.id}
          className="span-transaction"
          data-outcome={bracket.transaction.outcome ?? 'open'}
          style={place(bracket)}
          title={`transaction ${bracket.transaction.id}: ${said(bracket.transaction.outcome ?? 'open')}`}
        >
          {bracket.failedFrom !== null && (
            <i
              className="span-failed"
              style={{
                left: `${((bracket.failedFrom - bracket.from) / (bracket.to - bracket.from)) * 100}%`,
              }}
            />
          )}
        </i>
      ))}
      {lane.gaps.map((gap, i) => (
        <i key={`g${i}`} className={GAP_CLASS[gap.state]} style={place(gap)}>
          <span>{gap.label}</span>
        </i>
      ))}
      {lane.counted.map((stretch, i) => (
        <i
          key={`c${i}`}
          className="span-counted"
          style={place(stretch)}
          title={`${count(stretch.total, 'statement')}, only counted: executing for ${duration(stretch.busyMs)} of these ${duration(stretch.to - stretch.from)}`}
        />
      ))}
      {inSight(lane.queues, length).map((queue, i) => (
        <i key={`u${i}`} className="span-queue" style={place(queue)} />
      ))}
      {inSight(lane.bars, length, bar => bar.statement.id === picked || bar.statement.error !== null).map(
        bar => (
          <button
            type="button"
            tabIndex={-1}
            key={bar.statement.id}
            className="span-statement"
            data-failed={bar.statement.error ? true : undefined}
            aria-label={`Statement ${bar.statement.id}`}
            aria-pressed={picked === bar.statement.id}
            title={`${milliseconds(bar.to - bar.from)} ms  ${bar.statement.text.slice(0, 160)}`}
            style={place(bar)}
            onClick={() => onPick(bar.statement.id)}
          />
        ),
      )}
      {responseAt !== null && (
        <i className="span-response" style={{ left: `${(responseAt / length) * 100}%` }}>
          <span>response</span>
        </i>
      )}
    </div>
  )
}

const GAP_CLASS = {
  'held idle': 'span-gap',
  'idle in transaction': 'span-gap in-transaction',
  'failed transaction': 'span-gap failed',
} as const satisfies Record<TimelineLane['gaps'][number]['state'], string>

/** The words where no transaction was reported. */
function withoutTransaction(engine: Engine | undefined): string {
  if (engine?.transactions === 'unknown') return 'transactions unknown'
  return engine?.mode === 'borrowed' ? 'in its host’s transaction' : 'autocommit'
}

/** How the lane's last transaction ended, as a link to it. */
function EndLink({ lane, children }: { lane: TimelineLane; children: ReactNode }) {
  const last = lane.connection === null ? undefined : lane.brackets.at(-1)
  if (!last) return children
  return <a href={write('transactions', [last.transaction.id])}>{children}</a>
}

function endOf(lane: TimelineLane, isPast: boolean, engine: Engine | undefined) {
  const last = lane.brackets.at(-1)
  if (lane.connection === null)
    return <span className="hot">{lane.waits.some(w => w.failed) ? 'timed out' : 'waiting'}</span>
  if (!last) return <span className="dim">{withoutTransaction(engine)}</span>
  const { outcome, asked } = last.transaction
  if (outcome === null)
    return isPast ? <span className="hot">still open</span> : <span className="open">open</span>
  if (asked === 'commit' && outcome === 'rolled back')
    return <span className="hot">commit → rolled back</span>
  if (last.transaction.failed || outcome === 'lost') return <span className="hot">{outcome}</span>
  if (outcome === 'rolled back' && lane.isReadOnly) return 'read only'
  return <span className={outcome === 'committed' ? 'good' : undefined}>{outcome}</span>
}
