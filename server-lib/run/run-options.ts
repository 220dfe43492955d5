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
import { ISOLATIONS, type Isolation } from '../postgres/control.ts'
import { PROPAGATIONS, type Propagation } from './propagation.ts'

/** When a function that failed is run again, and how often. */
export interface RetryOptions {
  /** How often the function is run at most, the first time included. */
  times: number
  /**
   * Which errors are worth another attempt: a list of codes (`'40001'`, `'EL_CONNECTION_LOST'`), looked for in the error
   * and its causes, or a function, which is asked before the rollback if the function failed, after it if the commit did.
   * Whatever it says, a commit whose outcome is unknown or partial is never repeated. Default: serialization failures
   * (40001), deadlocks (40P01), and connections that were lost before COMMIT was sent, or could not be opened since the
   * server was out of reach or starting.
   */
  on?: ((error: unknown) => boolean) | readonly string[]
  /**
   * The upper bound of the first wait, in milliseconds; each one after has twice that of the one before. The wait itself is
   * drawn between 0 and its bound, so that those who collided do not meet again. Default 20.
   */
  backoffMs?: number
  /** What the bound grows to at most, in milliseconds. Default 2,000. */
  maxBackoffMs?: number
}

export interface RunOptions {
  /**
   * How the function's transactions stand to those of a container that the call is made inside of. `'required'`
   * (default): it takes part in them, and the outer one commits. `'nested'`: the same, in a savepoint on every engine.
   * `'new'`: a container of its own, with connections of its own. `'never'` refuses to be called inside of one,
   * `'mandatory'` outside. Outside, all others open a container and commit it.
   */
  propagation?: Propagation
  /** Of every transaction that takes part in the commit. Default: the server's. Inside of a container that has a weaker one it is refused. */
  isolation?: Isolation
  /** The server refuses writes in every transaction that takes part in the commit. Default false. */
  readOnly?: boolean
  /**
   * Runs the function again when it failed for a reason that may be gone then; a number is that of attempts, the first
   * included. Each has a container of its own, and rolls back before the next one begins. Where the run takes part in a container
   * around it this option has no effect. Never after the function has itself committed on an engine that takes part. Default: no
   * second attempt.
   */
  retry?: number | RetryOptions
  /**
   * How long the function may take, all attempts and waits together, in milliseconds. Then its statements are cancelled,
   * all is rolled back, and the run rejects with EL_RUN_ABORTED. Hooks before the commit count; a commit that has begun is
   * finished, and hooks after it are not waited for any more. Default: no limit.
   */
  timeoutMs?: number
  /** The same at once, when it says so; EL_RUN_ABORTED has its reason as the cause. */
  signal?: AbortSignal
  /** What the work belongs to, found again as `db.info.request`. */
  request?: unknown
  /** How the work is called in the panel, in errors and spans. Default `run`. */
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

/** Checks what `run` was called with. Throws EL_CONFIG at the first that is wrong; nothing has been opened then. */
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
