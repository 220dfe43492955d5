import './commit-figure.css'
import { TableScroll } from '../components/table-scroll.tsx'
import type { CommitOutcome } from '../../server-lib/channels/words.ts'
import { Tag, type TagTone } from '../components/tag.tsx'
import { Site } from '../components/site.tsx'
import { duration, milliseconds } from '../../instrumentation/model/format.ts'
import {
  commitTimeline,
  type CommitBar,
  type CommitLane,
  type CommitTimeline,
} from '../model/commit-timeline.ts'
import { said } from '../model/said.ts'
import type { Commit } from '../../instrumentation/model/state.ts'

const ROLES: Record<CommitLane['role'], string> = {
  decides: 'holds the decision',
  prepares: 'is prepared',
  commits: 'commits',
  reads: 'only read',
}

export const OUTCOME_TONES: Record<CommitOutcome, TagTone> = {
  committed: 'good',
  'rolled back': 'bad',
  partial: 'bad',
  unknown: 'bad',
}

/** A commit over its engines on one clock: each step on its engine, the decision across all, and where it broke off. */
export function CommitFigure({ commit, now }: { commit: Commit; now: number }) {
  const timeline = commitTimeline(commit, now)
  const { lanes, length, decidedAt, brokeOff } = timeline
  return (
    <section aria-label="Commit" data-commit={commit.id} data-outcome={commit.outcome ?? 'under way'}>
      <h2 className="section-head">
        Commit <CommitTag commit={commit} />
        <span>
          {said(commit.mode)}
          {lanes.length > 1 && ` over ${lanes.length} engines`}, {duration(length)}
          {commit.key !== null && (
            <>
              {' '}
              · <span className="mono">{commit.key}</span>
            </>
          )}
        </span>
        {commit.site && <Site site={commit.site} />}
      </h2>
      {commit.error && (
        <p className="commit-error">
          <Tag tone="bad">{commit.error.code ?? 'error'}</Tag> {commit.error.message}
        </p>
      )}
      <div className="commit-figure" data-lanes={lanes.length}>
        {lanes.map(lane => (
          <div className="commit-lane" key={lane.engine} data-engine={lane.engine}>
            <div className="request-lane-name">
              <b>{lane.engine}</b>
              <span>{ROLES[lane.role]}</span>
            </div>
            <Track lane={lane} timeline={timeline} />
            <div className="commit-lane-end" data-end={lane.end}>
              {lane.end}
            </div>
          </div>
        ))}
        <div className="commit-axis" aria-hidden="true">
          {[0, 0.25, 0.5, 0.75, 1].map(share => (
            <span key={share}>{duration(length * share)}</span>
          ))}
        </div>
      </div>
      {lanes.length > 1 && <Steps lanes={lanes} decidedAt={decidedAt} brokeOff={brokeOff} />}
    </section>
  )
}

function CommitTag({ commit }: { commit: Commit }) {
  if (commit.outcome === null) return <Tag tone="warn">under way</Tag>
  return <Tag tone={OUTCOME_TONES[commit.outcome]}>{said(commit.outcome)}</Tag>
}

function Track({ lane, timeline }: { lane: CommitLane; timeline: CommitTimeline }) {
  const { length, decidedAt, answeredAt, brokeOff } = timeline
  const at = (ms: number) => `${(ms / length) * 100}%`
  return (
    <div className="commit-track">
      {lane.bars.map((bar, index) => (
        <i
          key={index}
          className="commit-step"
          data-step={bar.step}
          data-state={stateOf(bar, bar === brokeOff)}
          style={{ left: at(bar.from), width: at(bar.to - bar.from) }}
          title={`${said(bar.step)}: ${duration(bar.to - bar.from)}`}
        >
          <span>{said(bar.step)}</span>
        </i>
      ))}
      {decidedAt !== null && <i className="commit-decided" style={{ left: at(decidedAt) }} />}
      {answeredAt !== null && answeredAt < length * 0.995 && (
        <i className="commit-answered" style={{ left: at(answeredAt) }} />
      )}
    </div>
  )
}

function stateOf(bar: CommitBar, isBreak: boolean): string {
  if (isBreak) return 'broken'
  if (bar.error) return 'failed'
  return bar.endedAt === null ? 'running' : 'done'
}

interface StepsProps {
  lanes: readonly CommitLane[]
  decidedAt: number | null
  brokeOff: CommitBar | null
}

/** The same in words, ordered by start. */
function Steps({ lanes, decidedAt, brokeOff }: StepsProps) {
  const bars = lanes.flatMap(lane => lane.bars).sort((a, b) => a.from - b.from || a.to - b.to)
  return (
    <TableScroll label="Table">
      <table className="detail-table commit-steps">
        <thead>
          <tr>
            <th>step</th>
            <th>engine</th>
            <th className="right">after ms</th>
            <th className="right">took ms</th>
            <th>answer</th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar, index) => (
            <tr key={index} data-step={`${bar.step} ${bar.engine}`}>
              <td>{said(bar.step)}</td>
              <td>{bar.engine}</td>
              <td className="right">{milliseconds(bar.from)}</td>
              <td className="right">{bar.endedAt === null ? '…' : milliseconds(bar.to - bar.from)}</td>
              <td>
                {bar.error ? (
                  <>
                    <Tag tone="bad">{bar.error.code ?? 'error'}</Tag> {bar.error.message}
                  </>
                ) : bar.endedAt === null ? (
                  <Tag tone="warn">no answer</Tag>
                ) : (
                  <span className="mono">{bar.command ?? 'done'}</span>
                )}
                {decidedAt !== null && bar.to === decidedAt && bar.step === 'commit' && (
                  <>
                    {' '}
                    <Tag tone="good">the decision</Tag>
                  </>
                )}
                {bar === brokeOff && (
                  <>
                    {' '}
                    <Tag tone="bad">broke off here</Tag>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableScroll>
  )
}
