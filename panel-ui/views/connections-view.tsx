import './connections-view.css'
import { Suspense } from 'react'
import { useKeys } from '../keys.ts'
import { homeSentence } from '../../instrumentation/findings/home-sentence.ts'
import { shownPools } from '../../instrumentation/model/pool-load.ts'
import { useFindings, useMoment, usePanel } from '../model/use-panel.ts'
import { go, useRoute } from '../route.ts'
import { lazyView } from './lazy-view.tsx'
import { NoEngines, NotYetHeard } from './nothing-yet.tsx'
import { PoolCard } from './pool-card.tsx'

const LaneInspector = lazyView('LaneInspector', () => import('./lane-inspector.tsx'))

/** The home view: every pool with a lane per slot, and each lane's holder. */
export function ConnectionsView() {
  const { path } = useRoute()
  const moment = useMoment()
  const { state, now } = moment
  const findings = useFindings(moment)
  const isHeard = usePanel(view => view.state.seq > 0 || view.stat !== null)
  const [selected, request, checkout] = path
  useKeys({
    Escape: () => (selected === undefined ? false : go('connections')),
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
  })
  if (!isHeard) return <NotYetHeard />
  const pools = shownPools(state)
  if (pools.length === 0) return <NoEngines />
  const sentence = homeSentence(findings, state, now)
  return (
    <div className="connections">
      <main className="connections-board" tabIndex={-1} aria-label="Connections">
        <section className="sentence" data-tone={sentence.tone} aria-label="Right now">
          <i aria-hidden="true" />
          <h1 aria-live="polite">{sentence.say}</h1>
          <p>{sentence.why}</p>
        </section>
        <div className="section-head">
          <h2>Connections</h2> <span>one lane per pool slot, last 10 seconds</span>
          <Legend />
        </div>
        {pools.map(({ pool, engine }) => (
          <PoolCard key={pool.id} pool={pool} engine={engine} selected={selected} />
        ))}
      </main>
      {selected !== undefined && (
        <Suspense fallback={null}>
          <LaneInspector key={selected} laneKey={selected} request={request} checkout={checkout} />
        </Suspense>
      )}
    </div>
  )
}

/** Moves the focus from lane to lane across all cards. */
function step(by: 1 | -1): void {
  const lanes = [...document.querySelectorAll<HTMLElement>('.lane-open')]
  const at = lanes.indexOf(document.activeElement as HTMLElement)
  lanes[at === -1 ? 0 : Math.min(lanes.length - 1, Math.max(0, at + by))]?.focus()
}

function Legend() {
  return (
    <ul className="legend" aria-label="Legend">
      <li>
        <i className="swatch executing" /> executing
      </li>
      <li>
        <i className="swatch held" /> held idle
      </li>
      <li>
        <i className="swatch in-transaction" /> idle in transaction
      </li>
      <li>
        <i className="swatch failed" /> failed transaction
      </li>
      <li>
        <i className="swatch connecting" /> connecting
      </li>
    </ul>
  )
}
