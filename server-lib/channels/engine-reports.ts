import { processWide } from '../identity/process-wide.ts'
import type { Site } from '../identity/site.ts'
import type { EngineDescription } from './engine-description.ts'

/** The rows that a server answered, or the reason why it was not asked. */
export type SpareAnswer = readonly Record<string, unknown>[] | string

/** One physical connection at this moment. */
export interface ConnectionReport {
  readonly connection: string
  readonly slot: number
  readonly backendPid: number | null
  /** `performance.now()` when we first saw it. */
  readonly since: number
  readonly uses: number
  /** What holds it, or null when it is free. */
  readonly holder: {
    readonly checkout: string
    readonly request: string | null
    readonly session: string | null
    readonly since: number
    readonly site: Site | null
    /** False where the line was not captured, which `holderLines` may save. */
    readonly isLineTaken: boolean
    /** Why it is held for long on purpose, as `listens on jobs`, or null. */
    readonly keptFor: string | null
  } | null
  /** The transaction that is open on it, or null. */
  readonly transaction: string | null
  /**
   * The transaction status that the server reported last: idle, in a transaction, in a failed one. Null before its
   * first answer.
   */
  readonly status: 'I' | 'T' | 'E' | null
}

/** One check-out that waits for a connection at this moment. */
export interface WaiterReport {
  readonly checkout: string
  readonly request: string | null
  readonly session: string | null
  readonly since: number
  readonly site: Site | null
  readonly isLineTaken: boolean
}

/** An engine's pool at this moment: for an observer that subscribes late, for gauges, and for a failed check-out. */
export interface EngineReport {
  readonly description: EngineDescription
  readonly used: number
  readonly idle: number
  readonly connections: readonly ConnectionReport[]
  readonly waiters: readonly WaiterReport[]
}

/** What observers may use of an engine. */
export interface Reporting {
  report(): EngineReport
  /**
   * Sends the server a query that changes nothing, on a connection that the pool has to spare: never the last one, and
   * never one that a waiter needs. Resolves to the rows, or to the reason why there are none. No channel reports it.
   */
  ask?(text: string, values: unknown[], deadlineMs: number): Promise<SpareAnswer>
  /**
   * The same for what is prepared on the server, and which locks these connections hold or wait for. A database that
   * cannot tell says so.
   */
  askTruth?(serverIds: readonly number[], deadlineMs: number): Promise<SpareAnswer>
}

const reporting = processWide('reports', () => new Set<Reporting>())

/** Registers an engine until the returned function is called. */
export function addReporting(engine: Reporting): () => void {
  reporting.add(engine)
  return () => reporting.delete(engine)
}

/** The engines open in this process and thread, in the order of their declaration. */
export function observedEngines(): Reporting[] {
  return [...reporting]
}

/** A report of each engine open in this process and thread, in the order of their declaration. */
export function engineReports(): EngineReport[] {
  return [...reporting].map(engine => engine.report())
}
