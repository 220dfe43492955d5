import './vital-strip.css'
import { duration } from '../../instrumentation/model/format.ts'
import { loadOf, rolesOf } from '../../instrumentation/model/pool-load.ts'
import type { Engine } from '../../instrumentation/model/state.ts'
import { useMoment, usePanel } from '../model/use-panel.ts'
import { costSentence, costWord, letGoOf, lossesOf, lossWord } from '../model/losses.ts'
import { write } from '../route.ts'
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

function LinkState() {
  const link = usePanel(view => view.link)
  const isPaused = usePanel(view => view.isPaused)
  const stat = usePanel(view => view.stat)
  const word =
    link.state === 'live'
      ? isPaused
        ? 'paused'
        : 'live'
      : link.state === 'connecting'
        ? 'connecting'
        : 'lost'
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
        <a
          href={write('health')}
          className={lossesOf(stat).length > 0 ? 'vital-dropped' : 'vital-detail'}
          title={[...lossesOf(stat), letGoOf(stat)].join('\n')}
        >
          {lossWord(stat)}
        </a>
      )}
      {stat && (
        <a href={write('health')} className="vital-detail" title={costSentence(stat)}>
          own cost {costWord(stat)}
        </a>
      )}
    </div>
  )
}
