import type { CheckoutHolder } from '../channels/errors.ts'
import { holderText } from '../pool/holder-text.ts'
import type { SessionState } from '../channels/words.ts'

/** What `close()` had to cut when the grace was over. All lists are empty after a quiet end. */
export interface CloseReport {
  /** Requests and jobs that were ended before they were done. */
  readonly ended: readonly EndedWork[]
  /** Connections still held outside of sessions. */
  readonly cut: readonly CheckoutHolder[]
  /** All of the above, one sentence each, for the log. */
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

/** What a session of ended work was doing. */
export interface EndedSession {
  readonly engine: string
  readonly state: SessionState
  /** The connection held, with the line that took it and what ran; null where none was held, as while waiting for one. */
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
