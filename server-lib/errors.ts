import type { CommitReport } from './commit/report.ts'

/**
 * Every error of Enginelight, by its stable code. `errors.md` explains each: meaning, causes, remedy.
 * The two lists are held together by a test.
 */
export const ERROR_CODES = [
  'EL_ARROW_VALUE',
  'EL_CHECKOUT_DEADLOCK',
  'EL_CHECKOUT_FAILED',
  'EL_CHECKOUT_TIMEOUT',
  'EL_COMMIT_FAILED',
  'EL_COMMIT_ROLLED_BACK',
  'EL_COMMIT_UNKNOWN',
  'EL_CONFIG',
  'EL_CONNECTION_LOST',
  'EL_DOOMED',
  'EL_DUPLICATE_ENGINE',
  'EL_ENDED',
  'EL_ENGINE_CLOSED',
  'EL_HOST_TRANSACTION_FAILED',
  'EL_HOST_WAITED',
  'EL_ILLEGAL_MOVE',
  'EL_LEASE_ENDED',
  'EL_MANY_ROWS',
  'EL_MISSING_PEER',
  'EL_NO_HOST_CONNECTION',
  'EL_NO_HOST_TRANSACTION',
  'EL_NO_SCOPE',
  'EL_NOT_OWNED',
  'EL_PANEL_CONFIG',
  'EL_PARTIAL_COMMIT',
  'EL_RESERVED_NAME',
  'EL_RUN_ABORTED',
  'EL_STALE_RELEASE',
  'EL_STATEMENT_TIMEOUT',
  'EL_TRANSACTION_CONTROL',
  'EL_TRANSACTION_FAILED',
  'EL_TWO_PHASE_UNAVAILABLE',
  'EL_UNKNOWN_COLUMN',
  'EL_UNKNOWN_ENGINE',
  'EL_UNKNOWN_SCHEMA',
  'EL_UNKNOWN_TABLE',
  'EL_UNSUPPORTED_CLIENT',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/** What is told as a process warning, by its code: something that nobody's call can be made to fail for. */
export const WARNING_CODES = [
  'EL_CACHE_FAILED',
  'EL_HANDLER_FAILED',
  'EL_HELD_LONG',
  'EL_HOOK_FAILED',
  'EL_HOST_DISTURBED',
  'EL_IN_DOUBT',
  'EL_LEFT_OPEN',
  'EL_NOT_COMMITTED',
  'EL_OBSERVER_THREW',
  'EL_RETURNED',
  'EL_SEQUENTIAL_COMMIT',
  'EL_TRANSACTION_CONTROL',
] as const

/** Tells of something as a process warning of type `EnginelightWarning`: on stderr, or to `process.on('warning')`. */
export function warn(code: (typeof WARNING_CODES)[number], sentence: string): void {
  process.emitWarning(sentence, { type: 'EnginelightWarning', code })
}

/** One holder of a connection, as a check-out that timed out names it. */
export interface CheckoutHolder {
  readonly engine: string
  readonly pool: string
  readonly slot: number
  readonly connection: string
  readonly backendPid: number | null
  readonly checkout: string
  /** `POST /orders` (u88), or null when it was taken outside of any request. */
  readonly request: string | null
  readonly requestLabel: string | null
  readonly session: string | null
  readonly heldMs: number
  /** The application's line that took it, or null when no line of the application was on the stack. */
  readonly site: string | null
  readonly state: 'executing' | 'idle' | 'idle in transaction' | 'failed transaction'
  /** How long it has been in that state. */
  readonly stateMs: number
}

/** The numbers of an error, by name. Each is also a property of the error itself. */
export interface ErrorFields {
  engine?: string
  pool?: string
  session?: string
  connection?: string
  backendPid?: number | null
  waitedMs?: number
  stalledMs?: number
  holders?: readonly CheckoutHolder[]
  waiting?: number
  sqlstate?: string
  state?: string
  move?: string
  legalMoves?: readonly string[]
  known?: readonly string[]
  option?: string
  column?: string
  statement?: string
  transactionId?: string
  committed?: readonly string[]
  failed?: readonly string[]
  unknown?: readonly string[]
  report?: CommitReport
  attempts?: number
  timeoutMs?: number
}

/**
 * An error of Enginelight: one sentence with the numbers in it, a stable `code` for programs, its `cause`, and
 * the same numbers as properties. Each code has an entry in `errors.md`.
 */
export class EnginelightError extends Error {
  override readonly name = 'EnginelightError'
  readonly code: ErrorCode
  declare readonly engine?: string
  declare readonly pool?: string
  declare readonly session?: string
  declare readonly connection?: string
  declare readonly backendPid?: number | null
  declare readonly waitedMs?: number
  /** For how much of `waitedMs` the event loop stood still. */
  declare readonly stalledMs?: number
  declare readonly holders?: readonly CheckoutHolder[]
  declare readonly waiting?: number
  declare readonly sqlstate?: string
  declare readonly state?: string
  declare readonly move?: string
  declare readonly legalMoves?: readonly string[]
  declare readonly known?: readonly string[]
  declare readonly option?: string
  declare readonly column?: string
  declare readonly statement?: string
  /** PostgreSQL's 64-bit transaction id. */
  declare readonly transactionId?: string
  /** Engines whose COMMIT was answered. */
  declare readonly committed?: readonly string[]
  /** Engines of which nothing is committed. */
  declare readonly failed?: readonly string[]
  /** Engines of which nobody can tell. */
  declare readonly unknown?: readonly string[]
  /** What became of each engine, of a `db.commit()` that failed. */
  declare readonly report?: CommitReport
  /** How often `engines.run` has tried, where it was told to try more than once. */
  declare readonly attempts?: number
  declare readonly timeoutMs?: number

  constructor(code: ErrorCode, sentence: string, fields: ErrorFields & { cause?: unknown } = {}) {
    const { cause, ...numbers } = fields
    super(sentence, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, numbers)
    // knex writes the statement in front of the message of every error that passes through it. Ours stays the one
    // sentence that it is.
    Object.defineProperty(this, 'message', {
      configurable: true,
      enumerable: false,
      get: () => sentence,
      set() {},
    })
  }
}

/** What may be told of an error outside of the application: no parameter value, no credential. */
export interface ErrorFacts {
  /** `DatabaseError`, `EnginelightError`, `Error` …. */
  readonly type: string
  /** The server's SQLSTATE, Node's `ECONNRESET` or our `EL_…`; null where the error has none. */
  readonly code: string | null
  /** The message with quoted values taken out where the server may have put data of the application in it. */
  readonly message: string
}

/**
 * Facts of an error that are safe to show. PostgreSQL quotes the offending *value* in messages of class 22 (data
 * exception) and identifiers in all others, so only there are quoted parts replaced. What a function raises is the
 * application's own text, whatever its code, and is left out. `detail` and `hint`, which hold key values, are never taken.
 */
export function errorFacts(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) {
    return { type: typeof error, code: null, message: 'A value that is no Error was thrown.' }
  }
  const { code, routine } = error as { code?: unknown; routine?: unknown }
  const known = typeof code === 'string' ? code : null
  const type = error.name === 'error' ? 'DatabaseError' : error.name
  const message = error.message.split('\n', 1)[0] ?? ''
  return { type, code: known, message: safeMessage(message, known, routine) }
}

/** `23505, duplicate key value …`, or the message alone where the error has no code. */
export function codeAndMessage(cause: unknown): string {
  const { code, message } = errorFacts(cause)
  return code === null ? message : `${code}, ${message}`
}

/** Classes of SQLSTATE that the server itself raises; others are an application's own. */
const SERVER_CLASSES = /^(0[0-3]|0[89ABFLPZ]|10|2[0-8BDF]|3[489BDF]|4[024]|5[34578]|72|F0|HV|XX)/

function safeMessage(message: string, code: string | null, routine: unknown): string {
  if (code === null || !/^[0-9A-Z]{5}$/.test(code) || !/\d/.test(code)) return withoutCredentials(message)
  if (routine === 'exec_stmt_raise' || !SERVER_CLASSES.test(code))
    return 'raised by a function (its text is not shown)'
  return code.startsWith('22') ? withoutQuotedValues(message) : withoutCredentials(message)
}

function withoutQuotedValues(message: string): string {
  return message
    .replace(/: .*$/s, match => (/["']/.test(match) ? ': •••' : match))
    .replace(/"[^"]*"|'[^']*'/g, '•••')
}

/** Takes `user:password@` out of any URL in a text. */
export function withoutCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1•••@')
}
