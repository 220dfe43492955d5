import type * as Api from '@opentelemetry/api'
import { EnginelightError } from '../../server-lib/channels/errors.ts'
import { loadOptional } from '../../server-lib/identity/peers.ts'

/** The parts of the OpenTelemetry API in use. It is an optional peer: if it is missing, loading this module says so. */
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
