import './lane-row.css'
import { shortSite } from '../format.ts'
import { phaseShares, type LaneStatus } from '../model/lane-status.ts'
import type { Connection, Lane } from '../model/state.ts'
import { go } from '../route.ts'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  laneKey: string
  slot: number
  lane: Lane | undefined
  connection: Connection | undefined
  status: LaneStatus
  now: number
  isSelected: boolean
}

/** One slot of a pool in words; the canvas behind it draws its last ten seconds. */
export function LaneRow({ laneKey, slot, lane, connection, status, now, isSelected }: Props) {
  const { checkout, request, holdsPerSecond } = status
  const isBrisk = holdsPerSecond > 0 && status.tone !== 'bad' && status.tone !== 'warn'
  const open = () => go('connections', checkout ? [laneKey, checkout.request, checkout.id] : [laneKey])
  return (
    <div
      className="lane"
      role="row"
      aria-selected={isSelected}
      data-slot={slot}
      data-engine={lane?.engine}
      data-connection={connection?.id}
      data-backend-pid={connection?.backendPid ?? undefined}
      data-request={request?.id}
      data-tone={status.tone}
    >
      <span role="cell" className="lane-slot">
        <button
          type="button"
          className="lane-open"
          onClick={open}
          aria-label={`Slot ${slot}: ${sentence(status)}`}
        />
        {slot}
      </span>
      <span role="cell" className="lane-connection">
        {connection && (
          <>
            {connection.id} <em>pid {connection.backendPid ?? '?'}</em>
          </>
        )}
      </span>
      <span role="cell" className="lane-track">
        <span className="visually-hidden">{phaseShares(lane, now)}</span>
      </span>
      <span role="cell" className="lane-who">
        {isBrisk ? (
          <span className="dim">{holdsPerSecond} holders in the last second</span>
        ) : (
          request && (
            <>
              <UnitMark request={request.id} />
              {request.label} <em>{request.kind !== 'no context' && request.id}</em>
            </>
          )
        )}
      </span>
      <span role="cell" className="lane-line" title={checkout?.site ?? undefined}>
        {!isBrisk && checkout?.site && shortSite(checkout.site)}
      </span>
      <span role="cell" className="lane-state">
        {isBrisk ? 'busy' : `${status.words} ${status.forHow}`}
      </span>
    </div>
  )
}

function sentence({ request, words, forHow, checkout }: LaneStatus): string {
  const who = request ? `held by ${request.label} ${request.id}, ` : ''
  const where = checkout?.site ? `, checked out at ${checkout.site}` : ''
  return `${who}${words} ${forHow}${where}`
}
