import type { Attributes, Span } from '@opentelemetry/api'
import { SpanStatusCode } from './api.ts'
import type { ErrorFacts } from '../../server-lib/channels/index.ts'
import { fullMessage } from '../../server-lib/channels/errors.ts'
import { DB_RESPONSE_STATUS_CODE, ERROR_TYPE } from './semconv.ts'

/** `error.type` is the SQLSTATE, Node's or our own code, or else the error's class; never a message. */
export function failureAttributes(error: ErrorFacts): Attributes {
  const attributes: Attributes = { [ERROR_TYPE]: error.code ?? error.type }
  const sqlstate = sqlstateOf(error)
  if (sqlstate !== null) attributes[DB_RESPONSE_STATUS_CODE] = sqlstate
  return attributes
}

export function failSpan(span: Span, error: ErrorFacts, withMessage: boolean): void {
  span.setAttributes(failureAttributes(error))
  const brief = error.code === null ? error.type : `${error.type} (${error.code})`
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: withMessage ? `${brief}: ${fullMessage(error)}` : brief,
  })
}

/** Node's `EPIPE` has five capitals too, but every SQLSTATE of PostgreSQL contains a digit. */
function sqlstateOf({ code }: ErrorFacts): string | null {
  return code !== null && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : null
}
