import type * as Api from '@opentelemetry/api'
import { EnginelightError } from '../../server-lib/channels/errors.ts'
import { loadOptional } from '../../server-lib/identity/peers.ts'

/** What these doors use of the API, an optional peer: without it they say so as they are loaded. */
export const { context, createNoopMeter, diag, metrics, SpanKind, SpanStatusCode, trace } = load()

function load(): typeof Api {
  try {
    return loadOptional('@opentelemetry/api') as typeof Api
  } catch (cause) {
    throw new EnginelightError(
      'EL_MISSING_PEER',
      'enginelight/otel needs the package @opentelemetry/api: npm install @opentelemetry/api.',
      { cause },
    )
  }
}
