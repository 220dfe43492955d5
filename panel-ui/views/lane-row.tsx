import './lane-row.css'
import { memo } from 'react'
import { LINE_NOT_TAKEN } from '../../server-lib/channels/words.ts'
import { HolderLine } from '../components/site.tsx'
import type { LaneStatus } from '../../instrumentation/findings/lane-status.ts'
import type { Finding } from '../../instrumentation/model/finding.ts'
import type { Connection, Lane } from '../../instrumentation/model/state.ts'
import { go } from '../route.ts'
import { FindingMark } from './finding-mark.tsx'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  laneKey: string
  slot: number
  lane: Lane | undefined
  connection: Connection | undefined
  /** Where else the same backend is shown, as another engine's connection. */
  owners: string
  status: LaneStatus
  /** The last ten seconds in words, for readers who cannot see them. */
  past: string
  /** The worst that is wrong with its hold. */
  finding: Finding | undefined
  isSelected: boolean
}

/** One slot of a pool in words; the canvas behind it draws its last ten seconds. */
export const LaneRow = memo(function LaneRow(props: Props) {
  const { laneKey, slot, lane, connection, owners, status, past, finding, isSelected } = props
  const { checkout, request, holdsPerSecond } = status
  const isBrisk = holdsPerSecond > 0 && status.tone !== 'bad' && status.tone !== 'warn'
  const open = () => go('now', checkout ? [laneKey, checkout.request, checkout.id] : [laneKey])
  return (
    <div
      className="lane"
      role="row"
      aria-current={isSelected || undefined}
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
          aria-label={`Slot ${slot}: ${sentence(status)}${finding ? `. ${finding.sentence}` : ''}`}
        />
        {slot}
        {finding && <FindingMark findings={[finding]} />}
      </span>
      <span role="cell" className="lane-connection">
        {connection && (
          <>
            {connection.id} <em>pid {connection.backendPid ?? '?'}</em>
          </>
        )}
      </span>
      <span role="cell" className="lane-track">
        <span className="visually-hidden">{past}</span>
      </span>
      <span role="cell" className="lane-who" title={request ? `${request.label} ${request.id}` : undefined}>
        {isBrisk ? (
          <span className="dim">{holdsPerSecond} holders in 1 s</span>
        ) : (
          request && (
            <>
              <UnitMark request={request.id} />
              <span className="lane-label">{request.label}</span>{' '}
              {request.kind !== 'no context' && <em>{request.id}</em>}
            </>
          )
        )}
        {owners && (
          <em className="lane-owners" title={`The same connection is ${owners}`}>
            {' '}
            = {owners}
          </em>
        )}
      </span>
      <span role="cell" className="lane-line">
        {!isBrisk && checkout && <HolderLine {...checkout} />}
      </span>
      <span role="cell" className="lane-state" title={isBrisk ? undefined : status.words}>
        {isBrisk ? 'busy' : stateOf(status)}
      </span>
    </div>
  )
}, isSame)

/** Forty lanes are compared four times a second, and most are unchanged. */
function isSame(a: Props, b: Props): boolean {
  return (
    a.status.words === b.status.words &&
    a.status.forHow === b.status.forHow &&
    a.status.tone === b.status.tone &&
    a.status.holdsPerSecond === b.status.holdsPerSecond &&
    a.status.checkout?.id === b.status.checkout?.id &&
    a.status.request?.id === b.status.request?.id &&
    a.connection?.id === b.connection?.id &&
    a.owners === b.owners &&
    a.past === b.past &&
    a.finding?.key === b.finding?.key &&
    a.finding?.severity === b.finding?.severity &&
    a.isSelected === b.isSelected
  )
}

/** Short, because the row's own name says it in full. */
const stateOf = ({ words, forHow, overMs }: LaneStatus): string =>
  overMs === null ? `${words} ${forHow}` : `leak ${forHow}`

function sentence({ request, words, forHow, checkout }: LaneStatus): string {
  const who = request ? `held by ${request.label} ${request.id}, ` : ''
  const line = checkout?.isLineTaken === false ? `, ${LINE_NOT_TAKEN}` : ''
  const where = checkout?.site ? `, checked out at ${checkout.site}` : line
  return `${who}${words} ${forHow}${where}`
}
