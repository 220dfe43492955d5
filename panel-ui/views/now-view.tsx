import './now-view.css'
import { Suspense } from 'react'
import { shownPools } from '../../instrumentation/model/pool-load.ts'
import { useKeys } from '../keys.ts'
import { poolsSentence } from '../../instrumentation/findings/pools-sentence.ts'
import { worstFirst } from '../model/pool-order.ts'
import { useFindings, useMoment, usePanel } from '../model/use-panel.ts'
import { go, useRoute } from '../route.ts'
import { Board } from './board.tsx'
import { FindingsList } from './findings-list.tsx'
import { lazyView } from './lazy-view.tsx'
import { NoEngines, NotYetHeard } from './nothing-yet.tsx'

const LaneInspector = lazyView('LaneInspector', () => import('./lane-inspector.tsx'))

/** The home view: what is wrong, and every pool with the holders of its connections. */
export function NowView() {
  const { path } = useRoute()
  const moment = useMoment()
  const { state, now } = moment
  const findings = useFindings(moment)
  const isHeard = usePanel(view => view.state.seq > 0 || view.stat !== null)
  const [selected, request, checkout] = path
  useKeys({
    Escape: () => (selected === undefined ? false : go('now')),
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
  })
  if (!isHeard) return <NotYetHeard />
  const pools = shownPools(state)
  if (pools.length === 0) return <NoEngines />
  return (
    <div className="now">
      <main className="now-main" tabIndex={0} aria-label="Now">
        <FindingsList findings={findings} pools={poolsSentence(state, now)} now={now} />
        <Board pools={worstFirst(pools, state, findings, now)} findings={findings} selected={selected} />
      </main>
      {selected?.includes('/') && (
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
