import './engines-table.css'
import { TableScroll } from '../components/table-scroll.tsx'
import { Tag, type TagTone } from '../components/tag.tsx'
import { Site } from '../components/site.tsx'
import { duration } from '../../instrumentation/model/format.ts'
import { rolesOf } from '../../instrumentation/model/pool-load.ts'
import { unionMs } from '../../instrumentation/model/union-of.ts'
import type { Checkout, EngineStatus, Request } from '../../instrumentation/model/state.ts'
import { usePanel } from '../model/use-panel.ts'
import { STATUS_GLYPH } from './engine-chips.tsx'

/** The status of each engine in this request, and the connections that the request took from it. */
export function EnginesTable({ request, now }: { request: Request; now: number }) {
  const engines = usePanel(view => view.state.engines)
  const active = request.checkouts.filter(c => c.state === 'held').length
  const all = [...new Set([...Object.keys(request.engines), ...request.checkouts.map(c => c.engine)])]
  const names = all.filter(
    name => request.engines[name] !== 'initialized' || request.checkouts.some(c => c.engine === name),
  )
  const untouched = all.filter(name => !names.includes(name))
  return (
    <section aria-label="Engines of this request">
      <h2 className="section-head">
        Engines{' '}
        <span>
          {request.attribute && (
            <>
              <span className="mono">req.{request.attribute}</span> ·{' '}
            </>
          )}
          {active === 0 ? 'no connection active' : `${active} connection${active === 1 ? '' : 's'} active`}
        </span>
      </h2>
      {names.length > 0 && (
        <TableScroll label="Engines of this request">
          <table className="detail-table engines-table" aria-label="Engines of this request">
            <thead>
              <tr>
                <th>engine</th>
                <th>status</th>
                <th>pool</th>
                <th>connection</th>
                <th>backend pid</th>
                <th>checked out at</th>
                <th className="right">waited</th>
                <th className="right">held</th>
              </tr>
            </thead>
            <tbody>
              {names.map(name => {
                const checkouts = request.checkouts.filter(c => c.engine === name)
                const engine = engines.get(name)
                const shown = summed(checkouts)
                return (shown.length === 0 ? [null] : shown).map((hold, i) => (
                  <tr
                    key={`${name} ${hold?.first.id ?? ''}`}
                    data-engine={name}
                    data-connection={hold?.first.connection ?? undefined}
                  >
                    <td>
                      {i === 0 && (
                        <>
                          {name}{' '}
                          {engine &&
                            rolesOf(engine).map(role => (
                              <span className="role" key={role}>
                                {role}
                              </span>
                            ))}
                        </>
                      )}
                    </td>
                    <td>
                      {i === 0 && <Status status={request.engines[name]} isOver={request.endedAt !== null} />}
                    </td>
                    <td>{hold?.first.pool ?? engine?.pool}</td>
                    <HoldCells hold={hold} now={now} />
                  </tr>
                ))
              })}
            </tbody>
          </table>
        </TableScroll>
      )}
      {untouched.length > 0 && (
        <p className="untouched">
          <Tag>{STATUS_GLYPH.initialized} initialized</Tag> untouched:{' '}
          {untouched.map((name, i) => (
            <span key={name} data-engine={name}>
              {i > 0 && ', '}
              {name}
            </span>
          ))}
        </p>
      )}
      <p className="status-legend">
        <b>○ initialized</b> untouched by this request <b>◐ started</b> cleaning up is owed <b>● ended</b>{' '}
        cleaned up, connections released
      </p>
    </section>
  )
}

interface Hold {
  readonly first: Checkout
  readonly times: number
  readonly waitedMs: (now: number) => number
  readonly heldMs: (now: number) => number
}

/** One line per connection, even if a request takes the same one fifty times. */
function summed(checkouts: readonly Checkout[]): Hold[] {
  const groups = new Map<string, Checkout[]>()
  for (const checkout of checkouts) {
    const key = checkout.connection ?? checkout.id
    groups.set(key, [...(groups.get(key) ?? []), checkout])
  }
  return [...groups.values()].map(group => ({
    first: group[0]!,
    times: group.length,
    // Waits beside each other count once: no time in here is longer than the request.
    waitedMs: now => unionMs(group.map(c => ({ from: c.askedAt, to: c.acquiredAt ?? c.endedAt ?? now }))),
    heldMs: now =>
      unionMs(
        group.flatMap(c => (c.acquiredAt === null ? [] : [{ from: c.acquiredAt, to: c.endedAt ?? now }])),
      ),
  }))
}

function HoldCells({ hold, now }: { hold: Hold | null; now: number }) {
  if (!hold) {
    return (
      <>
        <td className="dim">none</td>
        <td />
        <td />
        <td />
        <td />
      </>
    )
  }
  const { first, times } = hold
  return (
    <>
      <td className="mono">
        {first.connection === null ? (
          <Tag tone="bad">{first.state}</Tag>
        ) : (
          `${first.connection} · slot ${first.slot ?? '?'}`
        )}
        {times > 1 && <span className="dim"> ×{times}</span>}
      </td>
      <td className="mono">{first.backendPid}</td>
      <td>{first.site ? <Site site={first.site} /> : <span className="dim">unknown</span>}</td>
      <td className="right">{duration(hold.waitedMs(now))}</td>
      <td className="right">{first.acquiredAt === null ? '' : duration(hold.heldMs(now))}</td>
    </>
  )
}

const TONES: Record<EngineStatus, TagTone> = { initialized: 'plain', started: 'warn', ended: 'good' }

function Status({ status, isOver }: { status: EngineStatus | undefined; isOver: boolean }) {
  if (!status) return <span className="dim">not of this request</span>
  const isLeft = isOver && status === 'started'
  return (
    <Tag
      tone={isLeft ? 'bad' : TONES[status]}
      title={isLeft ? 'The request is over: this is a leak' : undefined}
    >
      {STATUS_GLYPH[status]} {status}
      {isLeft && ': a leak'}
    </Tag>
  )
}
