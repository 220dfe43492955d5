import type { ReactNode } from 'react'
import type { Subjects } from '../../instrumentation/model/finding.ts'
import { laneKey, NO_CONTEXT } from '../../instrumentation/model/state.ts'
import { usePanel } from '../model/use-panel.ts'
import { write } from '../route.ts'
import { UnitMark } from './unit-mark.tsx'

/** What a finding is about, as links to where it can be seen. What the page does not keep any more is a word only. */
export function FindingEvidence({ about }: { about: Subjects }) {
  const { engine, pool, connection, checkout, request, transaction, statement, gid } = about
  const state = usePanel(view => view.state)
  const hold = checkout === undefined ? undefined : state.checkouts.get(checkout)
  const open = state.connections.get(connection ?? hold?.connection ?? '')
  const isRequestKept = request !== undefined && state.requests.has(request)
  const label = request === undefined ? undefined : state.requests.get(request)?.label
  return (
    <>
      {request !== undefined && (
        <Place to={isRequestKept && write('requests', [request])}>
          {request !== NO_CONTEXT && <UnitMark request={request} />}
          {request === NO_CONTEXT ? 'outside of any request' : (label ?? 'request')}{' '}
          {request !== NO_CONTEXT && <span className="mono">{request}</span>}
        </Place>
      )}
      {engine !== undefined && (
        <Place to={write('now', [pool ?? state.engines.get(engine)?.pool ?? engine])}>{engine}</Place>
      )}
      {open && (
        <Place to={write('now', [laneKey(open.pool, open.slot), ...(hold ? [hold.request, hold.id] : [])])}>
          slot {open.slot} <span className="mono">{open.id}</span>
        </Place>
      )}
      {transaction !== undefined && (
        <Place to={state.transactions.has(transaction) && write('transactions', [transaction])}>
          transaction <span className="mono">{transaction}</span>
        </Place>
      )}
      {statement !== undefined && request !== undefined && (
        <Place to={isRequestKept && write('requests', [request, statement])}>
          statement <span className="mono">{statement}</span>
        </Place>
      )}
      {gid !== undefined && <Place to={write('transactions')}>in doubt</Place>}
    </>
  )
}

function Place({ to, children }: { to: string | false; children: ReactNode }) {
  return to === false ? <span>{children}</span> : <a href={to}>{children}</a>
}
