import type { Attributes } from '@opentelemetry/api'
import type { SessionMessage, Site } from '../../../server-lib/channels/index.ts'
import type { EngineAttributes } from '../engine-facts.ts'
import {
  BACKEND_PID,
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
  SESSION_MODE,
  SLOT,
  STATEMENT_ID,
  THREAD_ID,
} from '../semconv.ts'
import type { StatementFacts } from '../sql/statement-facts.ts'
import type { StatementStart } from './beginnings.ts'

/*
 * Each attribute costs the SDK three copies, and statements are the most frequent spans. So what is the same for a
 * whole session or transaction is on that span, and not on the ones inside. All keys are in one literal, with undefined
 * for unknown ones, which OpenTelemetry leaves out: in V8 that is a hundred times faster than an object that grows.
 */

/**
 * The database, engine, process, session (and its mode, on its own span) and request. Set on the outermost of our
 * spans, for those inside it too.
 */
export function outermostAttributes(
  { system, database, serverAddress, serverPort, engine, pid, thread }: EngineAttributes,
  { session, request }: { readonly session: string | null; readonly request: string | null },
  mode?: Extract<SessionMessage, { phase: 'start' }>['mode'],
): Attributes {
  return {
    [DB_SYSTEM_NAME]: system,
    [DB_NAMESPACE]: database,
    [SERVER_ADDRESS]: serverAddress,
    [SERVER_PORT]: serverPort,
    [ENGINE_NAME]: engine,
    [POOL_NAME]: engine,
    [PROCESS_PID]: pid,
    [THREAD_ID]: thread,
    [SESSION_ID]: session ?? undefined,
    [REQUEST_ID]: request ?? undefined,
    [SESSION_MODE]: mode,
  }
}

/** The application's line. */
export function lineAttributes(site: Site | null): Attributes | undefined {
  if (site === null) return undefined
  // `src/orders.ts:41` is a path and a line.
  const colon = site.label.lastIndexOf(':')
  return {
    [CODE_FILE_PATH]: site.label.slice(0, colon),
    [CODE_LINE_NUMBER]: Number(site.label.slice(colon + 1)),
  }
}

/** A statement's own attributes: what the conventions require on each span, its id, and its connection. */
export function statementAttributes(
  { system, database, serverAddress, serverPort }: EngineAttributes,
  { id, connection, backendPid }: StatementStart,
  { control, summary, text }: StatementFacts,
): Attributes {
  // Two literals, because undefined values are copied as well.
  if (control !== null)
    return {
      [DB_SYSTEM_NAME]: system,
      [DB_NAMESPACE]: database,
      [SERVER_ADDRESS]: serverAddress,
      [SERVER_PORT]: serverPort,
      [CONNECTION_ID]: connection,
      [BACKEND_PID]: backendPid ?? undefined,
      [STATEMENT_ID]: id,
      [DB_QUERY_TEXT]: text,
      [DB_OPERATION_NAME]: control,
    }
  return {
    [DB_SYSTEM_NAME]: system,
    [DB_NAMESPACE]: database,
    [SERVER_ADDRESS]: serverAddress,
    [SERVER_PORT]: serverPort,
    [CONNECTION_ID]: connection,
    [BACKEND_PID]: backendPid ?? undefined,
    [STATEMENT_ID]: id,
    [DB_QUERY_TEXT]: text,
    [DB_QUERY_SUMMARY]: summary,
  }
}

/** The attributes of a statement whose span is the outermost. */
export function loneStatementAttributes(
  { system, database, serverAddress, serverPort, engine }: EngineAttributes,
  { id, connection, backendPid, pool, slot, session, request }: StatementStart,
  { control, summary, text }: StatementFacts,
): Attributes {
  return {
    [DB_SYSTEM_NAME]: system,
    [DB_NAMESPACE]: database,
    [SERVER_ADDRESS]: serverAddress,
    [SERVER_PORT]: serverPort,
    [ENGINE_NAME]: engine,
    [POOL]: pool,
    [SLOT]: slot,
    [CONNECTION_ID]: connection,
    [BACKEND_PID]: backendPid ?? undefined,
    [SESSION_ID]: session ?? undefined,
    [REQUEST_ID]: request ?? undefined,
    [STATEMENT_ID]: id,
    [DB_QUERY_TEXT]: text,
    [DB_QUERY_SUMMARY]: summary,
    [DB_OPERATION_NAME]: control ?? undefined,
  }
}
