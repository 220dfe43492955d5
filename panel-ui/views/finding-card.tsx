import './finding-card.css'
import { age, clockTime } from '../../instrumentation/model/format.ts'
import type { Finding, Severity } from '../../instrumentation/model/finding.ts'
import { SiteLink } from '../components/site-link.tsx'
import { useModel, usePanel } from '../model/use-panel.ts'
import { FindingEvidence } from './finding-evidence.tsx'

const SAID: Record<Severity, string> = { bad: 'Wrong: ', warn: 'Warning: ', note: 'Note: ' }

interface Props {
  finding: Finding
  now: number
  /** How many others of its kind are folded behind it. */
  onDismiss: () => void
}

/** One finding: the sentence, what causes it, where to see it, and since when it is so. */
export function FindingCard({ finding, now, onDismiss }: Props) {
  const { key, kind, severity, sentence, why, site, isOver } = finding
  const isTold = usePanel(view => view.findings !== null)
  return (
    <li
      className="finding"
      data-key={key}
      data-kind={kind}
      data-severity={severity}
      data-over={isOver || undefined}
    >
      <i className="finding-shape" aria-hidden="true" />
      <div>
        <p className="finding-sentence">
          <span className="visually-hidden">{isOver ? 'Over: ' : SAID[severity]}</span>
          {sentence}
        </p>
        {why !== null && <p className="finding-why">{why}</p>}
        <p className="finding-evidence">
          {site !== null && <SiteLink site={site} />}
          <FindingEvidence about={finding.about} />
        </p>
      </div>
      <FindingTimes finding={finding} now={now} />
      {isTold && (
        <button
          type="button"
          className="finding-dismiss"
          aria-label={`Dismiss: ${sentence}`}
          title="Dismiss, on every page, until it begins again"
          onClick={onDismiss}
        >
          ✕
        </button>
      )}
    </li>
  )
}

/** Since when, or from when to when, and how often it began. */
function FindingTimes({ finding, now }: { finding: Finding; now: number }) {
  const timeOrigin = usePanel(view => view.hello?.timeOrigin ?? 0)
  const { isFrozen } = useModel().clock
  const { since, lastSeen, count, isOver } = finding
  const at = (time: number) => clockTime(timeOrigin + time)
  const isOfNow = !isFrozen && now - lastSeen < 250
  const forHow = count > 1 ? 'now' : age(now - since)
  return (
    <p className="finding-times">
      <b>{isOver ? 'over' : isOfNow ? forHow : `as of ${at(lastSeen)}`}</b>
      <span>{when(at(since), at(lastSeen), finding)}</span>
      {count > 1 && <span>{count.toLocaleString('en')} times</span>}
    </p>
  )
}

function when(first: string, last: string, { isOver, count }: Finding): string {
  if (!isOver) return count > 1 ? `first ${first}` : `since ${first}`
  return first === last ? first : `${first} – ${last}`
}
