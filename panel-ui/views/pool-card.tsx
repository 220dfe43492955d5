import './pool-card.css'
import { duration, percentile } from '../../instrumentation/model/format.ts'
import { laneStatuses, phaseShares } from '../../instrumentation/findings/lane-status.ts'
import { lanesOf, loadOf, otherOwners, rolesOf } from '../../instrumentation/model/pool-load.ts'
import {
  laneKey,
  type Connection,
  type Engine,
  type Lane,
  type Pool,
} from '../../instrumentation/model/state.ts'
import { useMoment } from '../model/use-panel.ts'
import { BoardCanvas } from './board-canvas.tsx'
import { LaneRow } from './lane-row.tsx'
import { QueueRow } from './queue-row.tsx'

/** One pool: its numbers, a lane per slot, and its waiters. */
export function PoolCard({
  pool,
  engine,
  selected,
}: {
  pool: Pool
  engine: Engine
  selected: string | undefined
}) {
  const { state, now } = useMoment()
  const load = loadOf(state, pool, now)
  const lanes = lanesOf(state, pool)
  const statuses = laneStatuses(state, lanes, load.waiting.length, now)
  const isFull = load.waiting.length > 0 && load.used >= load.max
  const connectionOn = (lane: Lane | undefined) =>
    lane?.connection ? state.connections.get(lane.connection) : undefined
  const ownersOf = (connection: Connection | undefined) =>
    connection
      ? otherOwners(state, connection)
          .map(other => `${other.engine} ${other.id}`)
          .join(', ')
      : ''
  const title = `${engine.engine}, pool ${pool.id}`
  return (
    <section className="pool" aria-label={title} data-engine={engine.engine} data-pool={pool.id}>
      <header className="pool-head">
        <h2>{engine.engine}</h2>
        {rolesOf(engine).map(role => (
          <span className="role" key={role}>
            {role}
          </span>
        ))}
        <p>
          {engine.mode === 'borrowed' ? 'Sharing Pool' : 'pool'} {pool.id}
          {pool.retired && ' (replaced)'} ·{' '}
          {engine.mode === 'borrowed' ? `${pool.max} lent by its host so far` : `max ${pool.max}`} ·{' '}
          <span className={isFull ? 'hot' : undefined}>used {load.used}</span> ·{' '}
          <span className={isFull ? 'hot' : undefined}>waiting {load.waiting.length}</span> · wait p95{' '}
          {duration(percentile(pool.waits, 0.95))}
        </p>
        {engine.server && (
          <p className="pool-server">
            {engine.server}/{engine.database}
          </p>
        )}
      </header>
      {engine.lastConnectError && now - engine.lastConnectError.at < 60_000 && (
        <p className="pool-error">
          <b>Could not connect</b> {duration(now - engine.lastConnectError.at)} ago:{' '}
          {engine.lastConnectError.message}
        </p>
      )}
      <div
        className="lanes"
        data-shared={lanes.some(lane => ownersOf(connectionOn(lane))) || undefined}
        role="table"
        aria-label={`Connections of ${title}`}
      >
        <div className="lane-heads" role="row">
          <span role="columnheader">slot</span>
          <span role="columnheader">connection</span>
          <span role="columnheader" className="lane-axis">
            <span className="visually-hidden">last 10 seconds</span>
            <span aria-hidden="true">−10 s</span>
            <span aria-hidden="true">−5 s</span>
            <span aria-hidden="true">now</span>
          </span>
          <span role="columnheader">holder</span>
          <span role="columnheader" className="lane-line">
            checked out at
          </span>
          <span role="columnheader" className="lane-state">
            state
          </span>
        </div>
        {pool.max > 0 && <BoardCanvas id={pool.id} max={pool.max} />}
        {statuses.map((status, slot) => (
          <LaneRow
            key={slot}
            laneKey={laneKey(pool.id, slot)}
            slot={slot}
            lane={lanes[slot]}
            connection={connectionOn(lanes[slot])}
            owners={ownersOf(connectionOn(lanes[slot]))}
            status={status}
            shares={phaseShares(lanes[slot], now)}
            isSelected={selected === laneKey(pool.id, slot)}
          />
        ))}
      </div>
      <QueueRow waiting={load.waiting} requests={state.requests} now={now} isFull={isFull} />
    </section>
  )
}
