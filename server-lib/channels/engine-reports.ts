import { processWide } from '../identity/process-wide.ts'
import type { Site } from '../identity/site.ts'
import type { EngineDescription } from './engine-description.ts'

/** What a server answered, or why it was not asked. */
export type SpareAnswer = readonly Record<string, unknown>[] | string

/** One physical connection as of now. */
export interface ConnectionReport {
  readonly connection: string
  readonly slot: number
  readonly backendPid: number | null
  /** `performance.now()` when we first saw it. */
  readonly since: number
  readonly uses: number
  /** Who holds it, or null when it is free. */
  readonly holder: {
    readonly checkout: string
    readonly request: string | null
    readonly session: string | null
    readonly since: number
    readonly site: Site | null
    /** What it is held for by design, as `listens on jobs`, or null. */
    readonly keptFor: string | null
  } | null
  /** The transaction that is open on it, or null. */
  readonly transaction: string | null
  /** The server's last word: idle, in a transaction, in a failed one. Null before its first answer. */
  readonly status: 'I' | 'T' | 'E' | null
}

/** One that waits for a connection as of now. */
export interface WaiterReport {
  readonly checkout: string
  readonly request: string | null
  readonly session: string | null
  readonly since: number
  readonly site: Site | null
}

/** An engine's pool as of now: for an observer that came late, for gauges, and for a check-out that failed. */
export interface EngineReport {
  readonly description: EngineDescription
  readonly used: number
  readonly idle: number
  readonly connections: readonly ConnectionReport[]
  readonly waiters: readonly WaiterReport[]
}

/** An engine, as observers may use it. */
export interface Reporting {
  report(): EngineReport
  /**
   * Asks its server something that changes nothing, over a connection that the pool has to spare: never its last one,
   * and never one that somebody waits for. Resolves to the rows, or to why there are none. No channel tells of it.
   */
  ask?(text: string, values: unknown[], deadlineMs: number): Promise<SpareAnswer>
}

const reporting = processWide('reports', () => new Set<Reporting>())

/** Counts an engine in until the returned function is called. */
export function addReporting(engine: Reporting): () => void {
  reporting.add(engine)
  return () => reporting.delete(engine)
}

/** The engines that are open in this process and thread, in the order of their declaration. */
export function observedEngines(): Reporting[] {
  return [...reporting]
}

/** A report of each engine that is open in this process and thread, in the order of their declaration. */
export function engineReports(): EngineReport[] {
  return [...reporting].map(engine => engine.report())
}
