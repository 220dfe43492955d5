import { duration } from '../../instrumentation/model/format.ts'
import { said } from '../model/said.ts'
import type { Transaction } from '../../instrumentation/model/state.ts'

/** The savepoints that were set, released and returned to, indented by depth. */
export function SavepointList({ transaction, now }: { transaction: Transaction; now: number }) {
  const { savepoints, startedAt, endedAt } = transaction
  if (savepoints.length === 0) return null
  const open: string[] = []
  return (
    <section aria-label="Savepoints">
      <h2 className="section-head">
        Savepoints <span>time since the transaction began, of {duration((endedAt ?? now) - startedAt)}</span>
      </h2>
      <ol className="savepoint-list">
        {savepoints.map(({ name, action, at }, index) => {
          const found = open.lastIndexOf(name)
          const depth = action === 'set' || found < 0 ? open.length : found
          if (action === 'set') open.push(name)
          else if (found >= 0) open.length = action === 'released' ? found : found + 1
          return (
            <li key={index} data-action={action} data-depth={Math.min(depth, 6)}>
              <b>{said(action)}</b> <span className="mono">{name}</span>{' '}
              <span className="dim">{duration(at - startedAt)}</span>
            </li>
          )
        })}
      </ol>
    </section>
  )
}
