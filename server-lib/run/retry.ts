import { describe } from '../channels/describe.ts'
import { EnginelightError } from '../channels/errors.ts'
import { failureOf, kindOf, serverCodeOf } from '../dialect/known-dialects.ts'
import type { CheckedRetry } from './run-options.ts'

/** How deep to follow a chain of causes. */
const DEPTH = 20

/** An error and its causes, outermost first. A chain can be circular. */
function chain(error: unknown): unknown[] {
  const errors: unknown[] = []
  for (let one = error; one instanceof Error && errors.length < DEPTH; one = one.cause) errors.push(one)
  return errors.length > 0 ? errors : [error]
}

const codeOf = (error: unknown) => (error as { code?: unknown } | null | undefined)?.code

/** Commits that may have happened, wholly or in part: repeating one could do everything twice. */
const COMMITTED_PERHAPS = new Set<unknown>(['EL_COMMIT_UNKNOWN', 'EL_PARTIAL_COMMIT'])

/** Whether another attempt may succeed. Asks the application's own function where there is one. */
export function isWorthRetrying(error: unknown, { on }: CheckedRetry): boolean {
  const errors = chain(error)
  if (errors.some(one => COMMITTED_PERHAPS.has(codeOf(one)))) return false
  if (typeof on === 'function') {
    const answer: unknown = on(error)
    // A promise would count as true.
    if (typeof answer !== 'boolean') {
      throw new EnginelightError(
        'EL_CONFIG',
        `run(): the answer of retry.on must be true or false, not ${describe(answer)}.`,
        { option: 'retry.on' },
      )
    }
    return answer
  }
  if (on) return errors.some(one => on.includes(codeOf(one) as string))
  return errors.some(isTransient)
}

function isTransient(error: unknown): boolean {
  if (error instanceof EnginelightError) {
    // A restarting server refuses connections for a while; a wrong password is refused for ever.
    if (error.code === 'EL_CHECKOUT_FAILED') return failureOf(error.cause) === 'connection'
    return error.code === 'EL_CONNECTION_LOST'
  }
  // An error without a server's code, as any error of the application, decides nothing: the rest of the chain does.
  if (serverCodeOf(error) === undefined) return false
  return kindOf(error) === 'collision' || failureOf(error) === 'connection'
}

/** The wait after this attempt: random, up to a bound that doubles each time (full jitter). */
export function backoffMs(attempt: number, { backoffMs, maxBackoffMs }: CheckedRetry): number {
  return Math.random() * Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1))
}
