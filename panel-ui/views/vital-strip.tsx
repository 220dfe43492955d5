import './vital-strip.css'
import { useRef } from 'react'
import { duration } from '../../instrumentation/model/format.ts'
import { loadOf, rolesOf } from '../../instrumentation/model/pool-load.ts'
import type { Engine, Pool } from '../../instrumentation/model/state.ts'
import type { Link } from '../connection.ts'
import type { GaugeSample } from '../model/gauges.ts'
import { troubleOf, worstFirst } from '../model/pool-order.ts'
import { useFindings, useMoment, usePanel } from '../model/use-panel.ts'
import { useWidth } from '../model/use-width.ts'
import { costSentence, costWord, letGoOf, lossesOf, lossWord } from '../model/losses.ts'
import { write } from '../route.ts'
import { Sparkline } from './sparkline.tsx'

/** A cell narrower than this could not name its engine. */
const CELL = 104

/** Always on top: one cell per engine, the worst first, and how well the page itself keeps up. */
export function VitalStrip() {
  const strip = useRef<HTMLUListElement>(null)
  const width = useWidth(strip)
  const moment = useMoment()
  const { state, now } = moment
  const findings = useFindings(moment)
  const pools = [...state.engines.values()].flatMap(engine => {
    const pool = state.pools.get(engine.pool)
    return pool ? [{ engine, pool }] : []
  })
  const sorted = worstFirst(pools, state, findings, now)
  const fit = Math.max(1, Math.floor(width / CELL))
  // The last place says how many have none.
  const shown = sorted.length > fit ? sorted.slice(0, Math.max(1, fit - 1)) : sorted
  const others = sorted.slice(shown.length)
  return (
    <header className="vital" aria-label="Engines">
      <ul className="vital-cells" ref={strip}>
        {shown.map(({ engine, pool }) => (
          <VitalCell
            key={engine.engine}
            engine={engine}
            pool={pool}
            trouble={troubleOf(pool.id, findings, now)}
          />
        ))}
        {others.length > 0 && (
          <li className="vital-others" title={others.map(({ engine }) => engine.engine).join('\n')}>
            <a href={write('now')}>{others.length} more</a>
          </li>
        )}
      </ul>
      <LinkState />
    </header>
  )
}

interface CellProps {
  engine: Engine
  pool: Pool
  trouble: 'bad' | 'warn' | null
}

function VitalCell({ engine, pool, trouble }: CellProps) {
  const samples = usePanel(view => view.gauges.get(engine.engine)) ?? []
  const { state, now } = useMoment()
  const { used, max, waiting, oldestHoldMs } = loadOf(state, pool, now)
  const isFull = waiting.length > 0 && used >= max
  const roles = rolesOf(engine)
  return (
    <li
      className="vital-cell"
      data-engine={engine.engine}
      data-trouble={isFull ? 'bad' : (trouble ?? undefined)}
    >
      <a href={write('now', [pool.id])} title={[engine.engine, ...roles].join(', ')}>
        <span className="vital-name">{engine.engine}</span>
        <span className="vital-load">
          <span className={isFull ? 'hot' : undefined}>
            {engine.mode === 'borrowed' ? `${used} lent` : `${used}/${max}`}
            {waiting.length > 0 && ` · ${waiting.length} waiting`}
          </span>
          {waiting.length === 0 && oldestHoldMs !== null && oldestHoldMs >= 1000 && (
            <> · oldest {duration(oldestHoldMs)}</>
          )}
        </span>
        <Sparkline samples={samples} max={max} now={now} />
        <span className="visually-hidden">{lastMinute(samples)}</span>
      </a>
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

/** The line in words. */
function lastMinute(samples: readonly GaugeSample[]): string {
  const most = (what: 'used' | 'waiting') => Math.max(0, ...samples.map(sample => sample[what]))
  return `In the last minute at most ${most('used')} used and ${most('waiting')} waiting.`
}

function LinkState() {
  const link = usePanel(view => view.link)
  const isPaused = usePanel(view => view.isPaused)
  const stat = usePanel(view => view.stat)
  const word = link.state === 'live' && isPaused ? 'paused' : WORDS[link.state]
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
