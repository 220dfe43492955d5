import type { Attributes } from '@opentelemetry/api'
import type { Site } from '../../../server-lib/channels.ts'
import type { EngineAttributes } from '../engine-facts.ts'
import {
  BACKEND_PID,
  CODE_FILE_PATH,
  CODE_LINE_NUMBER,
  CONNECTION_ID,
  DB_OPERATION_NAME,
  DB_QUERY_SUMMARY,
  DB_QUERY_TEXT,
  ENGINE_NAME,
  POOL,
  POOL_NAME,
  PROCESS_PID,
  REQUEST_ID,
  SESSION_ID,
  SLOT,
  STATEMENT_ID,
  STATEMENT_QUEUE_TIME,
  THREAD_ID,
} from '../semconv.ts'
import type { StatementFacts } from '../sql/statement-facts.ts'
import type { StatementStart } from './beginnings.ts'

/*
 * Each attribute costs the SDK three copies, and a statement is what there is most of. So what is one for a whole
 * session or transaction is said on its span and not again on those inside; and nothing is set to undefined.
 */

/** Which database, engine, process, session and request: on the outermost of our spans, for those inside of it too. */
export function outermostAttributes(
  { where, engine, pid, thread }: EngineAttributes,
  { session, request }: { readonly session: string | null; readonly request: string | null },
): Attributes {
  const attributes: Attributes = { ...where, [ENGINE_NAME]: engine, [POOL_NAME]: engine }
  if (pid !== undefined) attributes[PROCESS_PID] = pid
  if (thread !== undefined) attributes[THREAD_ID] = thread
  if (session !== null) attributes[SESSION_ID] = session
  if (request !== null) attributes[REQUEST_ID] = request
  return attributes
}

/** The line of the application. */
export function addLine(attributes: Attributes, site: Site | null): Attributes {
  if (site === null) return attributes
  // `src/orders.ts:41` is a path and a line.
  const colon = site.label.lastIndexOf(':')
  attributes[CODE_FILE_PATH] = site.label.slice(0, colon)
  attributes[CODE_LINE_NUMBER] = Number(site.label.slice(colon + 1))
  return attributes
}

/** A statement's: what the conventions want of each span, its own id, and its connection. */
export function statementAttributes(
  engine: EngineAttributes,
  start: StatementStart,
  { control, summary, text }: StatementFacts,
  isOutermost: boolean,
): Attributes {
  const attributes: Attributes = {
    ...engine.where,
    [CONNECTION_ID]: start.connection,
    [STATEMENT_ID]: start.id,
  }
  if (start.backendPid !== null) attributes[BACKEND_PID] = start.backendPid
  if (text !== undefined) attributes[DB_QUERY_TEXT] = text
  if (control !== null) attributes[DB_OPERATION_NAME] = control
  else if (summary !== undefined) attributes[DB_QUERY_SUMMARY] = summary
  if (start.queuedMs > 0) attributes[STATEMENT_QUEUE_TIME] = start.queuedMs / 1000
  if (!isOutermost) return attributes
  attributes[ENGINE_NAME] = engine.engine
  attributes[POOL] = start.pool
  attributes[SLOT] = start.slot
  if (start.session !== null) attributes[SESSION_ID] = start.session
  if (start.request !== null) attributes[REQUEST_ID] = start.request
  return attributes
}
