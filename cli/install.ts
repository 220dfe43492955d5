import type { AnyEngines } from './load-engines.ts'
import { table } from './table.ts'

/** Creates what is missing. Resolves to what is to be printed, and whether all is there. */
export async function install(
  engines: AnyEngines,
  json: boolean,
): Promise<{ text: string; isClear: boolean }> {
  const reports = await engines.install()
  const isClear = reports.every(({ installed }) => installed)
  if (json) return { text: JSON.stringify(reports, null, 2), isClear }
  const rows = reports.map(({ engine, installed, twoPhase, reasons }) => [
    engine,
    installed ? 'installed' : 'not installed',
    twoPhase ? 'yes' : 'no',
    reasons.join('; '),
  ])
  return { text: table(['engine', 'tables', 'two-phase', 'to mind'], rows), isClear }
}
