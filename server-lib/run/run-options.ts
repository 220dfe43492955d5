import { describe } from '../channels/describe.ts'
import { EnginelightError } from '../channels/errors.ts'
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

const KNOWN = [
  'propagation',
  'isolation',
  'readOnly',
  'retry',
  'timeoutMs',
  'signal',
  'request',
  'label',
] as const satisfies (keyof RunOptions)[]
const KNOWN_OF_RETRY = ['times', 'on', 'backoffMs', 'maxBackoffMs'] as const satisfies (keyof RetryOptions)[]

/** Checks what `run` was called with. Throws EL_CONFIG at the first that is wrong; nothing has been opened then. */
export function checkRun(fn: unknown, options: RunOptions): CheckedRunOptions {
  if (typeof fn !== 'function') throw wrong('fn', 'a function', fn)
  requireObject('options', options)
  requireKnown('', options, KNOWN)
  const { isolation, readOnly, signal, request, label = 'run' } = options
  if (readOnly !== undefined && typeof readOnly !== 'boolean')
    throw wrong('readOnly', 'true or false', readOnly)
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrong('signal', 'an AbortSignal', signal)
  if (typeof label !== 'string' || label === '') throw wrong('label', 'a text', label)
  return {
    propagation: word('propagation', PROPAGATIONS, options.propagation ?? 'required'),
    isolation: isolation === undefined ? undefined : word('isolation', ISOLATIONS, isolation),
    readOnly,
    retry: checkRetry(options.retry),
    timeoutMs: options.timeoutMs === undefined ? undefined : duration('timeoutMs', options.timeoutMs, 1),
    signal,
    request,
    label,
  }
}

const ONCE: CheckedRetry = { times: 1, on: undefined, backoffMs: 0, maxBackoffMs: 0 }

function checkRetry(retry: RunOptions['retry']): CheckedRetry {
  if (retry === undefined) return ONCE
  if (typeof retry === 'number') return checkRetry({ times: retry })
  requireObject('retry', retry)
  requireKnown('retry.', retry, KNOWN_OF_RETRY)
  const { times, on, backoffMs = 20, maxBackoffMs = Math.max(2_000, backoffMs) } = retry
  if (!Number.isSafeInteger(times) || times < 1) {
    throw wrong('retry.times', 'a whole number of attempts, the first included, so 1 at least', times)
  }
  const isList = Array.isArray(on) && on.every(code => typeof code === 'string')
  if (on !== undefined && typeof on !== 'function' && !isList)
    throw wrong('retry.on', 'a function or a list of codes', on)
  duration('retry.backoffMs', backoffMs, 0)
  duration('retry.maxBackoffMs', maxBackoffMs, backoffMs)
  return { times, on, backoffMs, maxBackoffMs }
}

function word<W extends string>(option: string, words: readonly W[], value: W): W {
  const known = words.find(one => one === value)
  if (known === undefined) throw wrong(option, words.map(one => `'${one}'`).join(' or '), value)
  return known
}

function duration(option: string, value: number, least: number): number {
  // setTimeout fires at once beyond 2^31 - 1.
  if (Number.isInteger(value) && value >= least && value < 2 ** 31) return value
  throw wrong(option, `a whole number of milliseconds from ${least} to 2147483647`, value)
}

function requireObject(option: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(option, 'an object', value)
}

function requireKnown(prefix: string, options: object, known: readonly string[]): void {
  const other = Object.keys(options).find(option => !known.includes(option))
  if (other === undefined) return
  throw new EnginelightError(
    'EL_CONFIG',
    `run(): there is no option ${prefix}${other}; there are ${known.map(one => prefix + one).join(', ')}.`,
    { option: prefix + other, known },
  )
}

export function wrong(option: string, needs: string, value: unknown): EnginelightError {
  return new EnginelightError(
    'EL_CONFIG',
    option === 'fn'
      ? `run() needs ${needs}, not ${describe(value)}.`
      : `run(): ${option} must be ${needs}, not ${describe(value)}.`,
    { option },
  )
}
