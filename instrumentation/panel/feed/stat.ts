import type { EngineReport } from '../../../server-lib/channels/index.ts'
import type { EngineGauge, Stat } from '../../model/protocol.ts'
import type { Recorder } from '../recorder/index.ts'
import { ServerVersions } from './server-versions.ts'

/** Makes each second's gauges; rates are per time since the previous ones. */
export class Statistics {
  readonly #recorder: Recorder
  #at = performance.now()
  #seq: number
  #costMs: number
  #cpu = process.cpuUsage()
  readonly #servers = new ServerVersions()

  constructor(recorder: Recorder) {
    this.#recorder = recorder
    this.#seq = recorder.history.ring.last
    this.#costMs = recorder.costMs
  }

  /** The servers' versions, for a page that shows what only the servers can tell. */
  askVersions(): void {
    this.#servers.ask()
  }

  next(viewers: number, missedByPages: number, findings: number, feedCostMs: number): Stat {
    const { history, limits, statementsOmitted, costMs } = this.#recorder
    const now = performance.now()
    const elapsedMs = Math.max(1, now - this.#at)
    const eventsPerSecond = ((history.ring.last - this.#seq) * 1000) / elapsedMs
    // Both costs are measured by the clock, which goes on while another process has the core.
    const cpu = shareOf(process.cpuUsage(this.#cpu), elapsedMs)
    const ownCost = Math.min(1, cpu, (costMs - this.#costMs + feedCostMs) / elapsedMs)
    this.#at = now
    this.#seq = history.ring.last
    this.#costMs = costMs
    this.#cpu = process.cpuUsage()
    const reports = this.#recorder.reports()
    return {
      type: 'stat',
      now,
      engines: reports.map(report => engineGauge(report, now)),
      eventsPerSecond: Math.round(eventsPerSecond),
      dropped: { ring: history.dropped, statements: statementsOmitted, page: missedByPages, findings },
      ring: { bytes: history.ring.bytes, limit: limits.ringBytes },
      viewers,
      ownCost: Math.round(ownCost * 10_000) / 10_000,
      cpu: Math.round(cpu * 10_000) / 10_000,
      failures: this.#recorder.failures,
      servers: this.#servers.told(reports),
    }
  }
}

const shareOf = ({ user, system }: NodeJS.CpuUsage, elapsedMs: number): number =>
  (user + system) / 1000 / elapsedMs

function engineGauge(report: EngineReport, now: number): EngineGauge {
  let oldest: number | null = null
  for (const { holder } of report.connections)
    if (holder !== null) oldest = Math.max(oldest ?? 0, now - holder.since)
  return [
    report.description.engine,
    report.used,
    report.idle,
    report.waiters.length,
    report.description.max,
    oldest,
  ]
}
