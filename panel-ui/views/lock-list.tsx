import { Tag } from '../components/tag.tsx'
import type { LockTruth } from '../../instrumentation/model/protocol.ts'

/** Locks by PostgreSQL's names; a lock that is waited for stands out. */
export function LockList({ locks }: { locks: readonly LockTruth[] }) {
  if (locks.length === 0) return <span className="dim">none on a table</span>
  return (
    <span className="lock-list">
      {locks.map(([what, mode, granted]) => (
        <Tag key={what + mode + granted} tone={granted ? 'plain' : 'bad'} title={`${mode} on ${what}`}>
          {granted ? '' : 'waits: '}
          {mode.replace(/Lock$/, '')} {what}
        </Tag>
      ))}
    </span>
  )
}
