import './queue-row.css'
import { duration, shortSite } from '../format.ts'
import type { Checkout, Request } from '../model/state.ts'
import { write } from '../route.ts'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  waiting: readonly Checkout[]
  requests: ReadonlyMap<string, Request>
  now: number
}

const SHOWN = 8

/** Who waits for a connection of the pool, longest first. */
export function QueueRow({ waiting, requests, now }: Props) {
  return (
    <div className="queue">
      <b>{waiting.length} waiting</b>
      <ol aria-label="Waiting for a connection">
        {waiting.slice(0, SHOWN).map(checkout => (
          <li key={checkout.id} data-request={checkout.request}>
            <a href={write('requests', [checkout.request])} title={checkout.site ?? undefined}>
              <UnitMark request={checkout.request} />
              {requests.get(checkout.request)?.label ?? checkout.request}
              {checkout.site && <em>{shortSite(checkout.site)}</em>}
              <span>{duration(now - checkout.askedAt)}</span>
            </a>
          </li>
        ))}
        {waiting.length > SHOWN && <li className="queue-more">and {waiting.length - SHOWN} more</li>}
      </ol>
    </div>
  )
}
