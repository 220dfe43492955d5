import type { CheckoutHolder } from '../channels/errors.ts'
import { holderText } from '../pool/holder-text.ts'
import type { SessionState } from '../channels/words.ts'

/** What `close()` had to cut, as it was when the grace was over. All lists are empty after a quiet end. */
export interface CloseReport {
  /** Requests and jobs that were ended before they were done. */
  readonly ended: readonly EndedWork[]
  /** Connections that somebody outside of sessions still held. */
  readonly cut: readonly CheckoutHolder[]
  /** The same as one sentence each, for the log. */
  readonly sentences: readonly string[]
}

/** A request or job that was ended before it was done. */
export interface EndedWork {
  /** `POST /orders`, or the label of a job. */
  readonly label: string
  /** Its id in panel, spans and errors: `u88`. */
  readonly request: string
  readonly sessions: readonly EndedSession[]
}

/** What one of its sessions was doing. */
export interface EndedSession {
  readonly engine: string
  readonly state: SessionState
  /** The connection that it held, with the line that took it and what ran; null where it held or still awaited none. */
  readonly holder: CheckoutHolder | null
}

export function closeReport(ended: readonly EndedWork[], cut: readonly CheckoutHolder[]): CloseReport {
  const sentences = [
    ...ended.map(
      ({ label, request, sessions }) =>
        `${label} (${request}) was ended before it was done: ${sessions.map(sessionText).join('; ')}.`,
    ),
    ...cut.map(
      holder => `A connection of engine "${holder.engine}" was cut that was held by ${holderText(holder)}.`,
    ),
  ]
  return { ended, cut, sentences }
}

function sessionText({ engine, state, holder }: EndedSession): string {
  return holder ? `${engine} held by ${holderText(holder)}` : `${engine} ${state} without a connection`
}
