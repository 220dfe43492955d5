import type { Attributes } from '@opentelemetry/api'
import { engineReports, type EngineDescription, type EngineMessage } from '../../server-lib/channels.ts'
import {
  DB_NAMESPACE,
  DB_SYSTEM_NAME,
  ENGINE_NAME,
  POOL_NAME,
  PROCESS_PID,
  SERVER_ADDRESS,
  SERVER_PORT,
  SYSTEM_POSTGRESQL,
  THREAD_ID,
} from './semconv.ts'

/** The attributes that each engine gives to its spans and metrics, made once per engine. */
export class EngineFacts {
  readonly #byEngine = new Map<string, { span: Attributes; metric: Attributes }>()

  /** 1st: an engine is declared, given a new pool, or closed. */
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

  /** On every span. */
  ofSpan(engine: string): Attributes {
    return this.#of(engine).span
  }

  /** On the metrics of operations: where, not who. */
  ofMetric(engine: string): Attributes {
    return this.#of(engine).metric
  }

  #of(engine: string): { span: Attributes; metric: Attributes } {
    const known = this.#byEngine.get(engine)
    if (known) return known
    // We came after the declaration.
    for (const { description } of engineReports()) this.#describe(description)
    const found = this.#byEngine.get(engine)
    if (found) return found
    const metric = { [DB_SYSTEM_NAME]: SYSTEM_POSTGRESQL }
    const facts = { metric, span: { ...metric, [ENGINE_NAME]: engine, [POOL_NAME]: engine } }
    this.#byEngine.set(engine, facts)
    return facts
  }

  #describe(description: EngineDescription): void {
    const metric: Attributes = { [DB_SYSTEM_NAME]: SYSTEM_POSTGRESQL }
    if (description.database !== null) metric[DB_NAMESPACE] = description.database
    if (description.serverAddress !== null) metric[SERVER_ADDRESS] = description.serverAddress
    if (description.serverPort !== null) metric[SERVER_PORT] = description.serverPort
    const span = {
      ...metric,
      [ENGINE_NAME]: description.engine,
      [POOL_NAME]: description.engine,
      [PROCESS_PID]: description.pid,
      [THREAD_ID]: description.thread,
    }
    this.#byEngine.set(description.engine, { span, metric })
  }
}
