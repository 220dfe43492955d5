import type { Finding } from '../model/finding.ts'
import type { ServerTruth } from '../model/protocol.ts'
import type { PanelState } from '../model/state.ts'

/** Whether a finding that is not found any more may still be so: its server has not been asked this time. */
export function isUnknown({ kind, about }: Finding, state: PanelState, truth: ServerTruth | null): boolean {
  if (kind !== 'in doubt' && kind !== 'blocked') return false
  const told = truth?.engines.find(({ engine }) => engine === about.engine)
  if (told && 'prepared' in told) return false
  if (kind === 'blocked') return state.statements.has(about.statement ?? '')
  return (state.doubts.get(about.gid ?? '')?.recovered ?? null) === null
}
