import './queue.css'
import { Site } from '../components/site.tsx'
import { duration } from '../../instrumentation/model/format.ts'
import type { Checkout, Request } from '../../instrumentation/model/state.ts'
import { write } from '../route.ts'
import { UnitMark } from './unit-mark.tsx'

interface Props {
  waiting: readonly Checkout[]
  requests: ReadonlyMap<string, Request>
  now: number
  isFull: boolean
}

const SHOWN = 8

/** The waiters for a connection of the pool, longest first. */
export function Queue({ waiting, requests, now, isFull }: Props) {
  return (
    <div className="queue" data-full={isFull || undefined}>
      <b>{waiting.length} waiting</b>
      <ol aria-label="Waiting for a connection">
        {waiting.slice(0, SHOWN).map(checkout => (
          <li key={checkout.id} data-request={checkout.request}>
            <a href={write('requests', [checkout.request])} title={checkout.site ?? undefined}>
              <UnitMark request={checkout.request} />
              <span>{requests.get(checkout.request)?.label ?? checkout.request}</span>
              {checkout.site && <Site site={checkout.site} />}
              <b>{duration(now - checkout.askedAt)}</b>
            </a>
          </li>
        ))}
      </ol>
      {waiting.length > 1 && (
        <a className="queue-all" href={write('requests', [], 'running waiting')}>
          all {waiting.length} →
        </a>
      )}
    </div>
  )
}
