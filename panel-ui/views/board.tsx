import './board.css'
import type { Finding } from '../../instrumentation/model/finding.ts'
import type { Engine, Pool } from '../../instrumentation/model/state.ts'
import { PoolCard } from './pool-card.tsx'

interface Props {
  /** The worst first. */
  pools: readonly { pool: Pool; engine: Engine }[]
  findings: readonly Finding[]
  selected: string | undefined
}

/** The connection board: every pool, with a lane for each slot that is in use. */
export function Board({ pools, findings, selected }: Props) {
  return (
    <section className="board" aria-label="Connections">
      <header className="section-head">
        <h2>Connections</h2> <span>the last 10 seconds of each pool slot in use, worst pool first</span>
        <Legend />
      </header>
      {pools.map(({ pool, engine }) => (
        <PoolCard
          key={pool.id}
          pool={pool}
          engine={engine}
          findings={findings.filter(({ about, isOver }) => about.pool === pool.id && !isOver)}
          selected={selected}
        />
      ))}
    </section>
  )
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
