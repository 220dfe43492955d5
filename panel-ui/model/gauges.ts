import type { Stat } from '../../instrumentation/panel/protocol.ts'

/** The last minute of an engine's gauges, one sample a second, oldest first. */
export type GaugeHistory = ReadonlyMap<string, readonly GaugeSample[]>

export interface GaugeSample {
  readonly at: number
  readonly used: number
  readonly waiting: number
  readonly max: number
}

export const GAUGES_KEPT_MS = 60_000

export function rememberGauges(history: GaugeHistory, stat: Stat): GaugeHistory {
  const next = new Map<string, readonly GaugeSample[]>()
  for (const [engine, used, , waiting, max] of stat.engines) {
    const samples = history.get(engine) ?? []
    const kept = samples.filter(sample => sample.at > stat.now - GAUGES_KEPT_MS && sample.at < stat.now)
    next.set(engine, [...kept, { at: stat.now, used, waiting, max }])
  }
  return next
}
