import './findings-list.css'
import { Fragment, useState } from 'react'
import { count } from '../../instrumentation/model/format.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import { findingGroups, type FindingGroup } from '../model/finding-groups.ts'
import { tallyOf } from '../model/finding-index.ts'
import { useModel, usePanel } from '../model/use-panel.ts'
import { FindingCard } from './finding-card.tsx'

/** So many lines about what is over leave room for the board. With something wrong right now, it is fewer. */
const OVER_SHOWN = 4
const OVER_SHOWN_BESIDE = 1

interface Props {
  findings: readonly Finding[]
  /** What the pools are like, in one sentence. */
  pools: string
  now: number
}

/** What is wrong, the worst first, then what was, until it is dismissed. */
export function FindingsList({ findings, pools, now }: Props) {
  const model = useModel()
  const isTold = usePanel(view => view.findings !== null)
  const [isAllShown, setAllShown] = useState(false)
  const tally = tallyOf(findings)
  const over = findings.filter(({ isOver }) => isOver)
  const groups = findingGroups(findings)
  const current = groups.filter(({ shown }) => !shown[0]!.isOver)
  const past = groups.filter(({ shown }) => shown[0]!.isOver)
  const room = isAllShown ? Infinity : current.length > 0 ? OVER_SHOWN_BESIDE : OVER_SHOWN
  const hidden = past.slice(room).flatMap(({ shown, folded }) => [...shown, ...folded])
  return (
    <section className="findings" aria-label="Findings">
      <header className="findings-head">
        <i className="findings-lamp" data-worst={tally.worst ?? 'none'} aria-hidden="true" />
        <h1 aria-live="polite">{headline(tally.now)}</h1>
        <p>{pools}</p>
        {isTold && over.length > 1 && (
          <button type="button" className="findings-button" onClick={() => model.dismiss(over)}>
            Dismiss all that is over
          </button>
        )}
      </header>
      {findings.length > 0 && (
        <div className="findings-box" data-worst={tally.worst ?? 'none'}>
          <ul aria-label="What was found, the worst first">
            {[...current, ...past.slice(0, room)].map(group => (
              <Group key={group.key} group={group} now={now} />
            ))}
          </ul>
          {(hidden.length > 0 || isAllShown) && (
            <p className="findings-rest">
              <button
                type="button"
                className="findings-button"
                aria-expanded={isAllShown}
                onClick={() => setAllShown(!isAllShown)}
              >
                {isAllShown
                  ? 'Show less'
                  : `${hidden.length.toLocaleString('en')} more that ${hidden.length === 1 ? 'is' : 'are'} over`}
              </button>
            </p>
          )}
        </div>
      )}
    </section>
  )
}

const headline = (now: number): string =>
  now === 0
    ? 'Nothing is wrong right now.'
    : `${count(now, 'thing')} ${now === 1 ? 'is' : 'are'} wrong right now.`

/** Those of one kind: the first of each line, and the others on demand. */
function Group({ group: { shown, folded }, now }: { group: FindingGroup; now: number }) {
  const model = useModel()
  const [isOpened, setOpened] = useState(false)
  const all = isOpened ? [...shown, ...folded] : shown
  return (
    <Fragment>
      {all.map(finding => (
        <FindingCard
          key={finding.key}
          finding={finding}
          now={now}
          onDismiss={() => model.dismiss([finding])}
        />
      ))}
      {folded.length > 0 && (
        <li className="findings-fold">
          <button
            type="button"
            className="findings-button"
            aria-expanded={isOpened}
            onClick={() => setOpened(!isOpened)}
          >
            {isOpened ? 'Fold' : `${folded.length.toLocaleString('en')} more of this kind`}
          </button>
          {!isOpened && (
            <button
              type="button"
              className="findings-button"
              onClick={() => model.dismiss([...shown, ...folded])}
            >
              Dismiss all {(shown.length + folded.length).toLocaleString('en')}
            </button>
          )}
        </li>
      )}
    </Fragment>
  )
}
