import { describe } from '../channels/describe.ts'
import { EnginelightError } from '../channels/errors.ts'
import {
  ANYTHING,
  BOOLEAN,
  checkOptions,
  milliseconds,
  need,
  notEmpty,
  oneOf,
  required,
  SIGNAL,
  whole,
  type Needs,
} from '../channels/options.ts'
import { ISOLATIONS, type Isolation } from '../dialect/control.ts'
import { PROPAGATIONS, type Propagation } from './propagation.ts'

/** When a failed function is run again, and how often. */
export interface RetryOptions {
  /** The maximum number of attempts, the first included. */
  times: number
  /**
   * Which errors are worth another attempt: a list of codes (`'40001'`, `'EL_CONNECTION_LOST'`), looked for in the
   * error and its causes, or a function. The function is called before the rollback if the run's function failed, after
   * it if the commit did. A commit with an unknown or partial outcome is never repeated, whatever this option says.
   * Default: serialization failures (40001), deadlocks (40P01), connections lost before COMMIT was sent, and
   * connections that could not be opened because the server was out of reach or starting.
   */
  on?: ((error: unknown) => boolean) | readonly string[]
  /**
   * The upper bound of the first wait, in milliseconds; it doubles for each further wait. The wait itself is random
   * between 0 and the bound, so that colliding runs do not collide again. Default 20.
   */
  backoffMs?: number
  /** The limit of the growing bound, in milliseconds. Default 2,000. */
  maxBackoffMs?: number
}

export interface RunOptions {
  /**
   * How a run relates to a surrounding container. `'required'` (default): it joins that, and the outer one commits.
   * `'nested'`: the same, in a savepoint on every engine. `'new'`: a container of its own, with connections of its own.
   * `'never'` refuses a call inside a container, `'mandatory'` a call outside. Outside any container, all others open
   * one and commit it.
   */
  propagation?: Propagation
  /**
   * The isolation level of every transaction that takes part in the commit. Default: the server's. Refused inside a
   * container with a weaker one.
   */
  isolation?: Isolation
  /** Makes every transaction that takes part in the commit READ ONLY. Default false. */
  readOnly?: boolean
  /**
   * Runs the function again after a failure that may be temporary; a number is the number of attempts, the first
   * included. Each attempt has a container of its own, and rolls back before the next one begins. Has no effect where
   * the run joins a surrounding container. The function is never repeated after it has itself committed on an engine
   * that takes part. Default: one attempt.
   */
  retry?: number | RetryOptions
  /**
   * How long the run may take, all attempts and waits together, in milliseconds. Then its statements are cancelled, all
   * work is rolled back, and the run rejects with EL_RUN_ABORTED. Hooks before the commit count. A commit that has
   * begun is finished, and later hooks are no longer awaited. Default: no limit.
   */
  timeoutMs?: number
  /** Ends the run in the same way as soon as it aborts; EL_RUN_ABORTED has the signal's reason as its cause. */
  signal?: AbortSignal
  /** The object that the work belongs to, available as `db.info.request`. */
  request?: unknown
  /** The name of the work in the panel, errors and spans. Default `run`. */
  label?: string
}

export interface CheckedRetry {
  readonly times: number
  readonly on: ((error: unknown) => boolean) | readonly string[] | undefined
  readonly backoffMs: number
  readonly maxBackoffMs: number
}

/** Options with every default filled in. */
export interface CheckedRunOptions {
  readonly propagation: Propagation
  readonly isolation: Isolation | undefined
  readonly readOnly: boolean | undefined
  readonly retry: CheckedRetry
  readonly timeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
  readonly request: unknown
  readonly label: string
}

const NEEDS: Needs<RunOptions> = {
  propagation: oneOf(PROPAGATIONS),
  isolation: oneOf(ISOLATIONS),
  readOnly: BOOLEAN,
  retry: ANYTHING,
  timeoutMs: milliseconds(),
  signal: SIGNAL,
  request: ANYTHING,
  label: notEmpty('a text'),
}
const needsOfRetry = (backoffMs: number): Needs<RetryOptions> => ({
  times: required(whole('a whole number of attempts, the first included, so 1 at least', 1)),
  on: need('a function or a list of codes', isReason),
  backoffMs: milliseconds(0),
  maxBackoffMs: milliseconds(backoffMs),
})

/** Checks the arguments of `run`. Throws EL_CONFIG at the first wrong one, before anything is opened. */
export function checkRun(fn: unknown, options: RunOptions): CheckedRunOptions {
  if (typeof fn !== 'function')
    throw new EnginelightError('EL_CONFIG', `run() needs a function, not ${describe(fn)}.`, { option: 'fn' })
  checkOptions({ name: 'run()' }, options, NEEDS)
  const { propagation = 'required', isolation, readOnly, timeoutMs, signal, request, label = 'run' } = options
  const retry = checkRetry(options.retry)
  return { propagation, isolation, readOnly, retry, timeoutMs, signal, request, label }
}

const ONCE: CheckedRetry = { times: 1, on: undefined, backoffMs: 0, maxBackoffMs: 0 }

function checkRetry(retry: RunOptions['retry']): CheckedRetry {
  if (retry === undefined) return ONCE
  if (typeof retry === 'number') return checkRetry({ times: retry })
  const backoffMs = retry?.backoffMs ?? 20
  checkOptions({ name: 'run()', within: 'retry' }, retry, needsOfRetry(backoffMs))
  const { times, on, maxBackoffMs = Math.max(2_000, backoffMs) } = retry
  return { times, on, backoffMs, maxBackoffMs }
}

function isReason(on: unknown): boolean {
  return typeof on === 'function' || (Array.isArray(on) && on.every(code => typeof code === 'string'))
}
