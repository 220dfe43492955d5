import type { EndReason } from '../channels/words.ts'
import type { Answer } from './failed-answer.ts'

/** What decides whether a request is committed, when its answer is about to be sent. */
export interface Facts {
  /** An error has reached the error handlers. */
  readonly isRefused: boolean
  /** The connection is cut: the client has no answer to rely on. */
  readonly isCut: boolean
  readonly isDoomed: boolean
  /** The answer's header `X-Tm`. */
  readonly asked: unknown
  readonly status: number
  /** What the body says about its success, where it says anything. */
  readonly said: Pick<Answer, 'hasFailed' | 'isOnly'> | undefined
  /** The names of the units that failed and were undone by themselves. */
  readonly undone: readonly string[]
}

/** `commit`, or why the request is rolled back. Undefined if the vetoes decide. */
export function verdictOf({ isRefused, isCut, isDoomed, asked }: Facts): EndReason | undefined {
  if (isRefused) return 'handler failed'
  if (isCut) return 'client aborted'
  if (isDoomed) return 'doomed'
  if (asked === undefined) return undefined
  return (asked as string | string[]).toString().trim().toLowerCase() === 'commit' ? 'commit' : 'vetoed'
}

/** The default veto of a mount. */
export function isFailure({ status, said, undone }: Facts): boolean {
  return status >= 400 || (said?.hasFailed === true && !said.isOnly(undone))
}
