import './vital-strip.css'
import { duration } from '../../instrumentation/model/format.ts'
import { loadOf, rolesOf } from '../../instrumentation/model/pool-load.ts'
import type { Engine } from '../../instrumentation/model/state.ts'
import type { Link } from '../connection.ts'
import { useMoment, usePanel } from '../model/use-panel.ts'
import { Sparkline } from './sparkline.tsx'

/** Always on top: one cell per engine, and how well the page itself keeps up. */
export function VitalStrip() {
  const engines = usePanel(view => view.state.engines)
  return (
    <header className="vital" aria-label="Engines">
      <ul className="vital-cells">
        {[...engines.values()].map(engine => (
          <VitalCell key={engine.engine} engine={engine} />
        ))}
      </ul>
      <LinkState />
    </header>
  )
}

function VitalCell({ engine }: { engine: Engine }) {
  const samples = usePanel(view => view.gauges.get(engine.engine))
  const { state, now } = useMoment()
  const pool = state.pools.get(engine.pool)
  if (!pool) return null
  const { used, max, waiting, oldestHoldMs } = loadOf(state, pool, now)
  const isFull = waiting.length > 0 && used >= max
  return (
    <li className="vital-cell" data-engine={engine.engine}>
      <p className="vital-name">
        <b>{engine.engine}</b>
        {rolesOf(engine).map(role => (
          <span className="role" key={role}>
            {role}
          </span>
        ))}
      </p>
      <p className="vital-load">
        <span className={isFull ? 'hot' : undefined}>
          {engine.mode === 'borrowed' ? used : `${used}/${max}`}
          <span className="vital-word">{engine.mode === 'borrowed' ? ' lent' : ' used'}</span> ·{' '}
          {waiting.length} waiting
        </span>
        {oldestHoldMs !== null && oldestHoldMs >= 100 && (
          <span className={oldestHoldMs > 2000 && isFull ? 'vital-oldest hot' : 'vital-oldest'}>
            {' '}
            · oldest {duration(oldestHoldMs)}
          </span>
        )}
      </p>
      <Sparkline samples={samples ?? []} max={max} now={now} />
    </li>
  )
}

const WORDS = {
  live: 'live',
  connecting: 'connecting',
  lost: 'lost',
  ended: 'ended',
  unauthorized: 'lost',
} satisfies Record<Link['state'], string>

function LinkState() {
  const link = usePanel(view => view.link)
  const isPaused = usePanel(view => view.isPaused)
  const stat = usePanel(view => view.stat)
  const word = link.state === 'live' && isPaused ? 'paused' : WORDS[link.state]
  const dropped = stat ? stat.dropped.ring + stat.dropped.statements + stat.dropped.page : 0
  // Old events making room for new ones is normal; a page that misses some is not.
  const isBehind = (stat?.dropped.page ?? 0) > 0
  return (
    <div className="vital-link">
      <span className="link-word" data-link={word}>
        <i /> {word}
      </span>
      {stat && (
        <span className="vital-detail" title="Events that the process told this page in the last second">
          {stat.eventsPerSecond.toLocaleString('en')} events/s
        </span>
      )}
      {stat && (
        <span
          className={isBehind ? 'vital-dropped' : 'vital-detail'}
          title={`Events let go since the start: ${stat.dropped.ring} too old to keep, ${stat.dropped.statements} statements of very long requests, ${stat.dropped.page} because a page was too slow`}
        >
          {isBehind && '⚠ '}dropped {dropped.toLocaleString('en')}
        </span>
      )}
      {stat && (
        <span className="vital-detail" title="The recorder’s own share of the process’s time">
          own cost {(stat.ownCost * 100).toFixed(1)} %
        </span>
      )}
    </div>
  )
}
