import './checkout-failed.css'
import { TableScroll } from '../components/table-scroll.tsx'
import { duration } from '../../instrumentation/model/format.ts'
import type { HolderFacts } from '../../instrumentation/model/holder.ts'
import type { Checkout } from '../../instrumentation/model/state.ts'
import { said } from '../model/said.ts'
import { write } from '../route.ts'
import { HolderLine } from '../components/site.tsx'
import { Tag } from '../components/tag.tsx'
import { UnitMark } from './unit-mark.tsx'

/** A failed check-out, why, and everything that held a connection of the pool at that moment. */
export function CheckoutFailed({ checkout, why }: { checkout: Checkout; why: string | null }) {
  const { failure } = checkout
  if (!failure) return null
  return (
    <section className="checkout-failed" aria-label="Check-out failed">
      <h2>
        No connection of {checkout.engine} <Tag tone="bad">{failure.code ?? 'error'}</Tag>
      </h2>
      {failure.holders.length > 0 ? (
        <p>
          <b>{why}</b>
        </p>
      ) : (
        <p>{failure.message}</p>
      )}
      <p className="dim">
        Asked for at <span className="mono">{checkout.site ?? 'an unknown line'}</span>, gave up after{' '}
        {duration((checkout.endedAt ?? checkout.askedAt) - checkout.askedAt)}.
      </p>
      {failure.holders.length > 0 && (
        <TableScroll label="Holders">
          <table className="detail-table">
            <thead>
              <tr>
                <th>slot</th>
                <th>connection</th>
                <th>holder</th>
                <th>state</th>
                <th className="right">held</th>
                <th>checked out at</th>
              </tr>
            </thead>
            <tbody>
              {failure.holders.map(holder => (
                <tr key={holder.connection + holder.slot}>
                  <td className="mono">{holder.slot}</td>
                  <td className="mono">
                    {holder.connection} <span className="dim">pid {holder.backendPid ?? '?'}</span>
                  </td>
                  <td>
                    <Holder holder={holder} />
                  </td>
                  <td>
                    <Tag tone={TONES[holder.state]}>{said(holder.state)}</Tag> {duration(holder.stateMs)}
                    {holder.keptFor && <div className="dim">{holder.keptFor}</div>}
                  </td>
                  <td className="right">{duration(holder.heldMs)}</td>
                  <td>
                    <HolderLine {...holder} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableScroll>
      )}
    </section>
  )
}

const TONES = {
  executing: 'good',
  idle: 'plain',
  'transaction unknown': 'plain',
  'idle in transaction': 'warn',
  'failed transaction': 'bad',
} as const satisfies Record<HolderFacts['state'], string>

function Holder({ holder }: { holder: HolderFacts }) {
  if (holder.request === null) return <span className="dim">outside of any request</span>
  return (
    <a href={write('requests', [holder.request])}>
      <UnitMark request={holder.request} />
      {holder.requestLabel ?? holder.request} <span className="dim mono">{holder.request}</span>
    </a>
  )
}
