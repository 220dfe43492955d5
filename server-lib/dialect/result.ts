/** What a statement resolves to. A text of several statements resolves to an array of these. */
export interface DriverResult {
  command?: string | null
  rowCount?: number | null
  rows?: unknown[]
}

export type DriverCallback = (error: Error | null | undefined, result?: DriverResult | DriverResult[]) => void

/** The command tag of a result; of several statements, that of the last. */
export function commandOf(result: DriverResult | DriverResult[] | undefined): string | null {
  return (Array.isArray(result) ? result.at(-1)?.command : result?.command) ?? null
}

/** How many rows came back or were changed, summed over several statements. */
export function rowsOf(result: DriverResult | DriverResult[] | undefined): number | null {
  if (!Array.isArray(result)) return result?.rowCount ?? null
  return result.reduce((sum, one) => sum + (one.rowCount ?? 0), 0)
}
