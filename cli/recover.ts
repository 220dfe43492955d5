import type { RecoveryReport } from '../server-lib/index.ts'
import type { EnginesLine } from './command-line.ts'
import type { AnyEngines } from './load-engines.ts'
import { age, table } from './table.ts'

type Recover = Extract<EnginesLine, { command: 'recover' }>

/** One pass. Resolves to what is to be printed, and whether anything is left. */
export async function recover(
  engines: AnyEngines,
  { json, dryRun, olderThanMs, keepDecisionsMs }: Recover,
): Promise<{ text: string; isClear: boolean }> {
  const recovery = engines.recovery({ everyMs: false, olderThanMs, keepDecisionsMs })
  const report = await recovery.runNow({ dryRun })
  return { text: json ? JSON.stringify(report, null, 2) : inWords(report), isClear: report.isClear }
}

function inWords({ dryRun, prepared, problems, forgotten, isClear }: RecoveryReport): string {
  const parts: string[] = []
  if (prepared.length > 0) {
    const rows = prepared.map(({ outcome, engine, ageMs, gid, reason }) => [
      dryRun && (outcome === 'committed' || outcome === 'rolled back') ? `to be ${outcome}` : outcome,
      engine,
      age(ageMs),
      reason ? `${gid}: ${reason}` : gid,
    ])
    parts.push(table(['outcome', 'engine', 'age', 'prepared transaction'], rows))
  }
  for (const { engine, reason } of problems)
    parts.push(`engine "${engine}" could not be looked at: ${reason}`)
  if (forgotten > 0) parts.push(`${forgotten} old decisions deleted.`)
  parts.push(isClear ? 'Nothing is left prepared.' : 'Something is left.')
  return parts.join('\n')
}
