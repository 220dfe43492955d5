import './pool-card.css'
import { useEffect, useRef, useState } from 'react'
import { duration, percentile } from '../../instrumentation/model/format.ts'
import { laneStatuses } from '../../instrumentation/findings/lane-status.ts'
import { lanesOf, loadOf, otherOwners, rolesOf } from '../../instrumentation/model/pool-load.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import {
  laneKey,
  type Connection,
  type Engine,
  type Lane,
  type Pool,
} from '../../instrumentation/model/state.ts'
import { lanePast } from '../model/lane-past.ts'
import { isQuiet } from '../model/quiet-lane.ts'
import { useEachSecond } from '../model/use-each-second.ts'
import { useMoment } from '../model/use-panel.ts'
import { BoardCanvas } from './board-canvas.tsx'
import { LaneRow } from './lane-row.tsx'
import { Queue } from './queue.tsx'
import { QuietSlots } from './quiet-slots.tsx'

interface Props {
  pool: Pool
  engine: Engine
  /** What is wrong with it right now. */
  findings: readonly Finding[]
  selected: string | undefined
}

/** One pool: its numbers, a lane per slot that is in use or was a moment ago, one line for the others, and its waiters. */
export function PoolCard({ pool, engine, findings, selected }: Props) {
  const { state, now } = useMoment()
  const [isOpened, setOpened] = useState(false)
  const card = useRef<HTMLElement>(null)
  const isSelected = selected === pool.id
  useEffect(() => {
    if (isSelected) card.current?.scrollIntoView({ block: 'nearest' })
  }, [isSelected])
  const load = loadOf(state, pool, now)
  const lanes = lanesOf(state, pool)
  const pasts = useEachSecond(now, () => lanes.map(lane => lanePast(state, lane, now)))
  const statuses = laneStatuses(state, lanes, load.waiting.length, now)
  const isFull = load.waiting.length > 0 && load.used >= load.max
  const slots = lanes.map((_, slot) => slot)
  const quiet = slots.filter(
    slot =>
      isQuiet(lanes[slot], now) &&
      statuses[slot]!.phase !== 'connecting' &&
      selected !== laneKey(pool.id, slot),
  )
  const shown = isOpened ? slots : slots.filter(slot => !quiet.includes(slot))
  const connectionOn = (lane: Lane | undefined) =>
    lane?.connection ? state.connections.get(lane.connection) : undefined
  const free = quiet.flatMap(slot => connectionOn(lanes[slot]) ?? [])
  const ownersOf = (connection: Connection | undefined) =>
    connection
      ? otherOwners(state, connection)
          .map(other => `${other.engine} ${other.id}`)
          .join(', ')
      : ''
  const title = `${engine.engine}, pool ${pool.id}`
  const quietSlots = quiet.length > 0 && (
    <QuietSlots
      free={free}
      unopened={quiet.length - free.length}
      isOpened={isOpened}
      onToggle={() => setOpened(!isOpened)}
    />
  )
  return (
    <section
      ref={card}
      className="pool"
      aria-label={title}
      aria-current={isSelected || undefined}
      data-engine={engine.engine}
      data-pool={pool.id}
    >
      <header className="pool-head">
        <h3 title={engine.engine}>{engine.engine}</h3>
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
          <span className={isFull ? 'hot' : undefined}>waiting {load.waiting.length}</span>
          {pool.waits.length > 0 && <> · wait p95 {duration(percentile(pool.waits, 0.95))}</>}
        </p>
        {shown.length === 0 && quietSlots}
        {engine.server && (
          <p className="pool-server" title={`${engine.server}/${engine.database ?? ''}`}>
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
      <div className="lanes" hidden={shown.length === 0} role="table" aria-label={`Connections of ${title}`}>
        {shown.length > 0 && <LaneHeads />}
        {shown.length > 0 && <BoardCanvas id={pool.id} max={pool.max} slots={shown} />}
        {shown.map(slot => (
          <LaneRow
            key={slot}
            laneKey={laneKey(pool.id, slot)}
            slot={slot}
            lane={lanes[slot]}
            connection={connectionOn(lanes[slot])}
            owners={ownersOf(connectionOn(lanes[slot]))}
            status={statuses[slot]!}
            past={pasts[slot] ?? ''}
            finding={findingOn(findings, statuses[slot]!.checkout?.id, lanes[slot]?.connection)}
            isSelected={selected === laneKey(pool.id, slot)}
          />
        ))}
      </div>
      {shown.length > 0 && (
        <footer className="pool-foot" data-full={isFull || undefined}>
          {load.waiting.length > 0 && (
            <Queue waiting={load.waiting} requests={state.requests} now={now} isFull={isFull} />
          )}
          {/* One line from the start, so that the cards below do not move when the first waiter comes. */}
          {load.waiting.length + quiet.length === 0 && <span className="dim">nobody waits</span>}
          {quietSlots}
        </footer>
      )}
    </section>
  )
}

function LaneHeads() {
  return (
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
  )
}

/** The worst that is wrong with a lane's hold; the findings are in that order. */
const findingOn = (
  findings: readonly Finding[],
  checkout: string | undefined,
  connection: string | null | undefined,
): Finding | undefined =>
  findings.find(
    ({ about, kind }) =>
      // A full pool is about the check-out that waits, which has no lane.
      kind !== 'pool full' &&
      (about.checkout === undefined
        ? about.connection !== undefined && about.connection === connection
        : about.checkout === checkout),
  )
