import type { Attributes } from '@opentelemetry/api'
import { engineReports, type EngineDescription, type EngineMessage } from '../../server-lib/channels/index.ts'
import { DB_NAMESPACE, DB_SYSTEM_NAME, SERVER_ADDRESS, SERVER_PORT, SYSTEM_UNKNOWN } from './semconv.ts'

/** What an engine's spans and metrics say about it. */
export interface EngineAttributes {
  readonly engine: string
  readonly system: string
  readonly database: string | undefined
  readonly serverAddress: string | undefined
  readonly serverPort: number | undefined
  readonly pid: number | undefined
  readonly thread: number | undefined
  /** For the metrics of operations: which database, not which engine. */
  readonly where: Attributes
}

/** The attributes of each engine, computed once per engine. */
export class EngineFacts {
  readonly #byEngine = new Map<string, EngineAttributes>()

  /** 1st: an engine is declared, gets a new pool, or is closed. */
  handle(message: EngineMessage): void {
    switch (message.phase) {
      case 'declared':
      case 'reinitialized':
        this.#describe(message.description)
        return
      case 'closing':
        return
      case 'closed':
        this.#byEngine.delete(message.engine)
        return
      default:
        message satisfies never
    }
  }

  of(engine: string): EngineAttributes {
    const known = this.#byEngine.get(engine)
    if (known) return known
    // We listened only after the declaration.
    for (const { description } of engineReports()) this.#describe(description)
    return this.#byEngine.get(engine) ?? this.#describe({ engine })
  }

  #describe(description: Partial<EngineDescription> & { engine: string }): EngineAttributes {
    const { engine, pid, thread, system = SYSTEM_UNKNOWN } = description
    const database = description.database ?? undefined
    const serverAddress = description.serverAddress ?? undefined
    const serverPort = description.serverPort ?? undefined
    const where: Attributes = { [DB_SYSTEM_NAME]: system }
    if (database !== undefined) where[DB_NAMESPACE] = database
    if (serverAddress !== undefined) where[SERVER_ADDRESS] = serverAddress
    if (serverPort !== undefined) where[SERVER_PORT] = serverPort
    const attributes = { engine, system, database, serverAddress, serverPort, pid, thread, where }
    this.#byEngine.set(engine, attributes)
    return attributes
  }
}
