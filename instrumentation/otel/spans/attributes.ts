import type { Attributes } from '@opentelemetry/api'
import type { Site } from '../../../server-lib/channels.ts'
import type { EngineAttributes } from '../engine-facts.ts'
import {
  BACKEND_PID,
  CHECKOUT_ID,
  CODE_FILE_PATH,
  CODE_LINE_NUMBER,
  CONNECTION_ID,
  DB_NAMESPACE,
  DB_OPERATION_NAME,
  DB_QUERY_SUMMARY,
  DB_QUERY_TEXT,
  DB_SYSTEM_NAME,
  ENGINE_NAME,
  POOL,
  POOL_NAME,
  PROCESS_PID,
  REQUEST_ID,
  SERVER_ADDRESS,
  SERVER_PORT,
  SESSION_ID,
  SLOT,
  STATEMENT_ID,
  STATEMENT_QUEUE_TIME,
  SYSTEM_POSTGRESQL,
  THREAD_ID,
  TRANSACTION_ID,
} from '../semconv.ts'
import type { StatementFacts } from '../sql/statement-facts.ts'

/** The ids that messages carry, each where it is known. */
export interface Identity {
  readonly pool?: string
  readonly slot?: number
  readonly connection?: string
  readonly backendPid?: number | null
  readonly request?: string | null
  readonly session?: string | null
  readonly checkout?: string | null
  readonly transaction?: string | null
  readonly site?: Site | null
}

/** What a statement's span has beside. */
export interface StatementIdentity {
  readonly id: string
  readonly queuedMs: number
  readonly facts: StatementFacts
}

/**
 * Who and where, as the attributes of every span. All keys in one literal and the unknown ones undefined, which
 * OpenTelemetry leaves out: V8 makes that a hundred times faster than an object that grows (50 ns, not 7 µs).
 */
export function spanAttributes(
  engine: EngineAttributes,
  identity: Identity,
  statement?: StatementIdentity,
): Attributes {
  // `src/orders.ts:41` is a path and a line.
  const [, path, line] = (identity.site && /^(.*):(\d+)$/.exec(identity.site.label)) ?? []
  return {
    [DB_SYSTEM_NAME]: SYSTEM_POSTGRESQL,
    [DB_NAMESPACE]: engine.database,
    [SERVER_ADDRESS]: engine.serverAddress,
    [SERVER_PORT]: engine.serverPort,
    [ENGINE_NAME]: engine.engine,
    [POOL_NAME]: engine.engine,
    [PROCESS_PID]: engine.pid,
    [THREAD_ID]: engine.thread,
    [POOL]: identity.pool,
    [SLOT]: identity.slot,
    [CONNECTION_ID]: identity.connection,
    [BACKEND_PID]: identity.backendPid ?? undefined,
    [REQUEST_ID]: identity.request ?? undefined,
    [SESSION_ID]: identity.session ?? undefined,
    [CHECKOUT_ID]: identity.checkout ?? undefined,
    [TRANSACTION_ID]: identity.transaction ?? undefined,
    [CODE_FILE_PATH]: path,
    [CODE_LINE_NUMBER]: line === undefined ? undefined : Number(line),
    [STATEMENT_ID]: statement?.id,
    [STATEMENT_QUEUE_TIME]: statement?.queuedMs ? statement.queuedMs / 1000 : undefined,
    [DB_QUERY_TEXT]: statement?.facts.text,
    [DB_QUERY_SUMMARY]: statement?.facts.summary,
    [DB_OPERATION_NAME]: statement?.facts.control ?? undefined,
  }
}
