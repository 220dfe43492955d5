import type { Attributes } from '@opentelemetry/api'
import type { Site } from '../../../server-lib/channels.ts'
import {
  BACKEND_PID,
  CHECKOUT_ID,
  CODE_FILE_PATH,
  CODE_LINE_NUMBER,
  CONNECTION_ID,
  POOL,
  REQUEST_ID,
  SESSION_ID,
  SLOT,
  TRANSACTION_ID,
} from '../semconv.ts'

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

/** Who and where, as attributes; what is not known is not set. */
export function identityAttributes(identity: Identity): Attributes {
  const attributes: Attributes = {}
  const set = (name: string, value: string | number | null | undefined) => {
    if (value !== null && value !== undefined) attributes[name] = value
  }
  set(POOL, identity.pool)
  set(SLOT, identity.slot)
  set(CONNECTION_ID, identity.connection)
  set(BACKEND_PID, identity.backendPid)
  set(REQUEST_ID, identity.request)
  set(SESSION_ID, identity.session)
  set(CHECKOUT_ID, identity.checkout)
  set(TRANSACTION_ID, identity.transaction)
  if (identity.site) {
    const { label } = identity.site
    const colon = label.lastIndexOf(':')
    const line = Number(label.slice(colon + 1))
    set(CODE_FILE_PATH, Number.isInteger(line) ? label.slice(0, colon) : label)
    if (Number.isInteger(line)) set(CODE_LINE_NUMBER, line)
  }
  return attributes
}
