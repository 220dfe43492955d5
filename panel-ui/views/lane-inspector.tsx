import './inspector.css'
import type { ReactNode } from 'react'
import { LINE_NOT_TAKEN, type LeftOpen } from '../../server-lib/channels/words.ts'
import { SqlText } from '../components/sql-text.tsx'
import { age, ago, count, duration } from '../../instrumentation/model/format.ts'
import { laneStatus } from '../../instrumentation/findings/lane-status.ts'
import { otherOwners } from '../../instrumentation/model/pool-load.ts'
import {
  laneKey as laneKeyOf,
  NO_CONTEXT,
  type Checkout,
  type Connection,
  type Lane,
  type PanelState,
  type Request,
} from '../../instrumentation/model/state.ts'
import { lastHolders } from '../model/last-holders.ts'
import { said } from '../model/said.ts'
import { useMoment, usePanel } from '../model/use-panel.ts'
import { go, write } from '../route.ts'
import { StackFrames } from './stack-frames.tsx'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  laneKey: string
  request: string | undefined
  checkout: string | undefined
}

/** Everything known about one lane, and about the hold that was on it when it was clicked. */
export function LaneInspector({ laneKey, request: requestId, checkout: checkoutId }: Props) {
  const { state, now } = useMoment()
  const lane = state.lanes.get(laneKey)
  const status = laneStatus(state, lane, false, now)
  const request = state.requests.get(requestId ?? '') ?? null
  // The clicked hold stays in view after its release: a page must not change under the reader's eyes.
  const checkout = request?.checkouts.find(c => c.id === checkoutId) ?? null
  const connection = state.connections.get(checkout?.connection ?? lane?.connection ?? '')
  const isOver = checkout !== null && checkout.endedAt !== null
  const slot = laneKey.slice(laneKey.lastIndexOf('/') + 1)
  const place = `slot ${slot} of ${lane?.engine ?? laneKey.split('#')[0]}`
  return (
    <aside className="inspector" aria-label={`Inspector: ${place}`}>
      <button
        type="button"
        className="inspector-close"
        onClick={() => go('now')}
        aria-label="Close the inspector"
        title="Close (Esc)"
      >
        ✕
      </button>
      <h2>{request ? request.label : connection ? `Connection ${connection.id}` : `Slot ${slot}`}</h2>
      <p className="inspector-sub" data-tone={isOver ? 'quiet' : status.tone}>
        {isOver
          ? `held ${place}, released ${duration(now - checkout.endedAt!)} ago`
          : `${request ? 'holds ' : ''}${place}, ${status.words} ${status.forHow}`}
      </p>
      {isOver && status.checkout && (
        <button
          type="button"
          className="inspector-link"
          onClick={() => go('now', [laneKey, status.checkout!.request, status.checkout!.id])}
        >
          Now held by {status.request?.label ?? status.checkout.request} →
        </button>
      )}
      {request && request.kind !== 'no context' && (
        <a className="inspector-link" href={write('requests', [request.id])}>
          <UnitMark request={request.id} /> Open request {request.id} →
        </a>
      )}
      <dl className="facts">
        {request && <RequestFacts request={request} checkout={checkout} />}
        {connection && <ConnectionFacts state={state} connection={connection} now={now} />}
        {checkout && <HoldFacts checkout={checkout} now={now} />}
        {checkout && connection && (
          <TransactionFacts
            state={state}
            checkout={checkout}
            request={request}
            connection={connection}
            now={now}
          />
        )}
      </dl>
      {!connection && !checkout && (
        <p className="inspector-note">
          The pool has not opened a connection here, or has closed it. It opens one when all others are held
          and another is asked for.
        </p>
      )}
      {!checkout && <LastHolders state={state} lane={lane} now={now} />}
      {checkout && (
        <>
          <h3>Stack at check-out</h3>
          <StackFrames frames={checkout.frames} />
        </>
      )}
    </aside>
  )
}

const HOLDERS_SHOWN = 8

/** Who had this slot before, newest first. */
function LastHolders({ state, lane, now }: { state: PanelState; lane: Lane | undefined; now: number }) {
  const holders = lastHolders(lane?.segments ?? [], HOLDERS_SHOWN)
  if (holders.length === 0)
    return <p className="inspector-note">Nothing has held it in the last minute that the page knows of.</p>
  return (
    <>
      <h3>Last holders</h3>
      <ul className="last-holders">
        {holders.map(({ request, ms, to }) => (
          <li key={`${request} ${to}`}>
            <a href={write('requests', [request])}>
              {request !== NO_CONTEXT && <UnitMark request={request} />}
              {request === NO_CONTEXT
                ? 'outside of any request'
                : (state.requests.get(request)?.label ?? request)}
            </a>
            <span className="dim">
              {duration(ms)}, {to === null ? 'now' : ago(now - to)}
            </span>
          </li>
        ))}
      </ul>
    </>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function RequestFacts({ request, checkout }: { request: Request; checkout: Checkout | null }) {
  const session = request.sessions.find(s => s.id === checkout?.session)
  return (
    <>
      <Fact name="request">
        <span className="mono">
          {request.id}
          {request.attribute && ` · req.${request.attribute}`}
        </span>
      </Fact>
      <Fact name="session">
        {session ? (
          <span className="mono">{`${session.id} · ${said(session.state)}`}</span>
        ) : (
          <span className="dim">none: taken straight from the pool</span>
        )}
      </Fact>
    </>
  )
}

function ConnectionFacts({
  state,
  connection,
  now,
}: {
  state: PanelState
  connection: Connection
  now: number
}) {
  const hello = usePanel(view => view.hello)
  const owners = otherOwners(state, connection)
  return (
    <>
      <Fact name="connection">
        <span className="mono">
          {connection.id} · {count(connection.uses, 'use')} · {age(now - connection.connectedAt)} old
        </span>
      </Fact>
      <Fact name="backend pid">
        <span className="mono">{connection.backendPid ?? 'unknown'}</span>
      </Fact>
      {owners.length > 0 && (
        <Fact name="two owners">
          {owners.map(owner => (
            <a
              key={owner.id}
              className="inspector-link"
              href={write('now', [laneKeyOf(owner.pool, owner.slot)])}
            >
              the same connection is {owner.id} of {owner.engine} →
            </a>
          ))}
        </Fact>
      )}
      <Fact name="process">
        <span className="mono">
          {hello?.pid} · {hello?.thread ? `thread ${hello.thread}` : 'main thread'}
        </span>
      </Fact>
      {connection.disconnected && (
        <Fact name="closed">
          {duration(now - connection.disconnected.at)} ago: {connection.disconnected.reason}
        </Fact>
      )}
    </>
  )
}

const LEFT_OPEN: Record<LeftOpen, string> = { T: 'an open transaction', E: 'a failed transaction' }

function HoldFacts({ checkout, now }: { checkout: Checkout; now: number }) {
  const acquired = checkout.acquiredAt ?? now
  return (
    <>
      <Fact name="checked out at">
        <span className="mono">
          {checkout.site ?? (checkout.isLineTaken ? 'no line of the application' : LINE_NOT_TAKEN)}
        </span>
      </Fact>
      <Fact name="held">
        {duration((checkout.endedAt ?? now) - acquired)}
        <span className="dim"> after waiting {duration(acquired - checkout.askedAt)}</span>
      </Fact>
      {checkout.discarded && <Fact name="thrown away">{checkout.discarded}</Fact>}
      {checkout.dirty && (
        <Fact name="came dirty">
          {LEFT_OPEN[checkout.dirty.status]} was left on it
          {checkout.dirty.previousSite && (
            <>
              {' '}
              by <span className="mono">{checkout.dirty.previousSite}</span>
            </>
          )}
        </Fact>
      )}
    </>
  )
}

interface TransactionProps {
  state: PanelState
  checkout: Checkout
  request: Request | null
  connection: Connection
  now: number
}

function TransactionFacts({ state, checkout, request, connection, now }: TransactionProps) {
  const open = connection.transaction === null ? undefined : state.transactions.get(connection.transaction)
  const own = open?.checkout === checkout.id ? open : undefined
  const statements = request?.statements.filter(s => s.checkout === checkout.id) ?? []
  const last = statements.at(-1)
  return (
    <>
      <Fact name="transaction">
        {own ? (
          <>
            {own.failed ? `failed with ${own.failed.code ?? 'an error'}, open ` : 'open '}
            {duration(now - own.startedAt)} · {count(statements.length, 'statement')}
          </>
        ) : (
          <span className="dim">none open</span>
        )}
      </Fact>
      {last && (
        <Fact name="last statement">
          <SqlText text={last.text} isWhole />
        </Fact>
      )}
    </>
  )
}
