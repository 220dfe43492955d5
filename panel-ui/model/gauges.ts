import type { Stat } from '../../instrumentation/model/protocol.ts'
import type { PanelState } from '../../instrumentation/model/state.ts'

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

/** The gauges of the last minute as far back as the rows reach: the page opens with a past. */
export function gaugesFromRows(state: PanelState, now: number): GaugeHistory {
  const oldest = state.requests.get(state.order[0] ?? '')?.startedAt ?? now
  const from = Math.max(oldest, now - GAUGES_KEPT_MS)
  const history = new Map<string, GaugeSample[]>()
  for (const engine of state.engines.values()) {
    const samples = []
    for (let at = now - 1000; at > from; at -= 1000)
      samples.unshift({ at, used: 0, waiting: 0, max: engine.max })
    history.set(engine.engine, samples)
  }
  const count = (engine: string, what: 'used' | 'waiting', a: number, b: number) => {
    for (const sample of history.get(engine) ?? []) {
      if (sample.at >= a && sample.at < b)
        (sample as { -readonly [K in keyof GaugeSample]: GaugeSample[K] })[what] += 1
    }
  }
  for (const request of state.requests.values()) {
    for (const c of request.checkouts) {
      count(c.engine, 'waiting', c.askedAt, c.acquiredAt ?? c.endedAt ?? now)
      if (c.acquiredAt !== null) count(c.engine, 'used', c.acquiredAt, c.endedAt ?? now)
    }
  }
  return history
}
