import type { CommitReport } from './outcomes.ts'
import { knownFailure } from './known-failures.ts'
import { serverErrorText } from '../dialect/known-dialects.ts'
import { inShort } from './in-short.ts'
import type { HolderState } from './words.ts'

/**
 * The stable code of every error of Enginelight. `errors.md` explains each: meaning, causes, remedy. A test compares
 * the two lists.
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
  'EL_FINDINGS',
  'EL_HOOK_TIMEOUT',
  'EL_HOST_TRANSACTION_FAILED',
  'EL_HOST_WAITED',
  'EL_ILLEGAL_MOVE',
  'EL_LEASE_ENDED',
  'EL_MANY_ROWS',
  'EL_MISSING_PEER',
  'EL_NO_HOST_CONNECTION',
  'EL_NO_HOST_TRANSACTION',
  'EL_NO_SCOPE',
  'EL_NOT_COMMITTED',
  'EL_NOT_OWNED',
  'EL_PANEL_CONFIG',
  'EL_PARTIAL_COMMIT',
  'EL_RESERVED_NAME',
  'EL_RUN_ABORTED',
  'EL_SAVEPOINT_WAITED',
  'EL_STALE_RELEASE',
  'EL_STATEMENTS',
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

/** The codes of process warnings: problems that no call can be made to fail for. */
export const WARNING_CODES = [
  'EL_CACHE_FAILED',
  'EL_CHECKOUT_FAILED',
  'EL_CHECKOUT_TIMEOUT',
  'EL_HANDLER_FAILED',
  'EL_HELD_LONG',
  'EL_HOOK_FAILED',
  'EL_HOST_DISTURBED',
  'EL_IN_DOUBT',
  'EL_LEFT_OPEN',
  'EL_NOT_COMMITTED',
  'EL_OBSERVER_THREW',
  'EL_PANEL_STATE',
  'EL_RETURNED',
  'EL_RULE_FAILED',
  'EL_SENT_INSIDE',
  'EL_SEQUENTIAL_COMMIT',
  'EL_TRANSACTIONS_UNKNOWN',
  'EL_TRANSACTION_CONTROL',
] as const

/** Emits a process warning of type `EnginelightWarning`: on stderr, or to `process.on('warning')`. */
export function warn(code: (typeof WARNING_CODES)[number], sentence: string): void {
  process.emitWarning(sentence, { type: 'EnginelightWarning', code })
}

/** One holder of a connection, as named by the error of a check-out that timed out. */
export interface CheckoutHolder {
  readonly engine: string
  readonly pool: string
  readonly slot: number
  readonly connection: string
  readonly backendPid: number | null
  readonly checkout: string
  /** `POST /orders` (u88), or null when it was taken outside any request. */
  readonly request: string | null
  readonly requestLabel: string | null
  readonly session: string | null
  readonly heldMs: number
  /** The application's line that took the connection, or null when none was on the stack. */
  readonly site: string | null
  /** False where the line was not captured, which `holderLines` may save. */
  readonly isLineTaken: boolean
  readonly state: HolderState
  /** How long it has been in that state. */
  readonly stateMs: number
  /** Why it is held for long on purpose, as `listens on jobs` or `holds an advisory lock`; null for most. */
  readonly keptFor: string | null
}

/** The facts of an error, by name. Each is also a property of the error itself. */
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
  findings?: readonly { kind: string; sentence: string; site: string | null }[]
  statements?: readonly { text: string; site: string | null }[]
  expected?: number
}

/**
 * An error of Enginelight: one sentence with the facts in it, a stable `code` for programs, its `cause`, and the same
 * facts as properties. Each code has an entry in `errors.md`.
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
  /** How much of `waitedMs` the event loop was blocked. */
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
  /** PostgreSQL's 64-bit transaction id; for a two-phase commit, the key of its decision. */
  declare readonly transactionId?: string
  /** Engines whose COMMIT was answered. */
  declare readonly committed?: readonly string[]
  /** Engines on which nothing is committed. */
  declare readonly failed?: readonly string[]
  /** Engines whose outcome is unknown. */
  declare readonly unknown?: readonly string[]
  /** The outcome of each engine, when a `db.commit()` failed. */
  declare readonly report?: CommitReport
  /** How many attempts `engines.run` made, where more than one was allowed. */
  declare readonly attempts?: number
  declare readonly timeoutMs?: number
  /** What a test was not expected to cause. */
  declare readonly findings?: readonly { kind: string; sentence: string; site: string | null }[]
  /** The statements that were sent, and how many were expected. */
  declare readonly statements?: readonly { text: string; site: string | null }[]
  declare readonly expected?: number

  constructor(code: ErrorCode, sentence: string, fields: ErrorFields & { cause?: unknown } = {}) {
    const { cause, ...numbers } = fields
    super(sentence, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, numbers)
    // knex writes the statement in front of the message of every error that passes through it. The setter ignores that.
    Object.defineProperty(this, 'message', {
      configurable: true,
      enumerable: false,
      get: () => sentence,
      set() {},
    })
  }
}

/** The facts of an error that may leave the application: no value, no piece of a statement, no credential. */
export interface ErrorFacts {
  /** `DatabaseError`, `EnginelightError`, `Error` …. */
  readonly type: string
  /** The server's SQLSTATE, Node's `ECONNRESET` or our `EL_…`; null where the error has none. */
  readonly code: string | null
  /** The sentence of an error of Enginelight; for any other error, the meaning of its code, never its message. */
  readonly message: string
}

/**
 * The facts of an error that are safe to show. A message is foreign text: PostgreSQL quotes values and pieces of
 * statements in messages of any class, drivers quote connection strings, and an application writes what it likes. So
 * messages are not cleaned but replaced, by the known meaning of the code and of the error's other fields.
 */
export function errorFacts(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) {
    return { type: typeof error, code: null, message: 'A value that is no Error was thrown.' }
  }
  const given: unknown = (error as { code?: unknown }).code
  const code = typeof given === 'string' && /^\w{1,80}$/.test(given) ? given : null
  const facts = { type: typeOf(error), code, message: safeMessage(error, code) }
  originals.set(facts, error)
  return facts
}

const originals = new WeakMap<ErrorFacts, Error>()

/** In characters. Longer messages are cut before they are read. */
const LONGEST_MESSAGE = 8_192
const LONGEST_CHAIN = 5

/** The error's own message and those of its causes, with everything they quote: for an observer that was told to show them. */
export function fullMessage(facts: ErrorFacts): string {
  const messages: string[] = []
  let error: unknown = originals.get(facts)
  for (; error instanceof Error && messages.length < LONGEST_CHAIN; error = error.cause)
    messages.push(String(error.message).slice(0, LONGEST_MESSAGE))
  return messages.join('; cause: ').slice(0, LONGEST_MESSAGE) || facts.message
}

/** How many characters of a cause's text a sentence includes. */
const LONGEST_QUOTED = 300

/** `23505, unique_violation …`, or the message alone where the error has no code. */
export function codeAndMessage(cause: unknown): string {
  const { code, message } = errorFacts(cause)
  const short = inShort(message, LONGEST_QUOTED).replace(/\.$/, '')
  return code === null ? short : `${code}, ${short}`
}

/** Errors whose sentence repeats what the application passed. A column's name, for one, may come from a user. */
const QUOTING: ReadonlySet<string> = new Set<ErrorCode>([
  'EL_ARROW_VALUE',
  'EL_CONFIG',
  'EL_DUPLICATE_ENGINE',
  'EL_MANY_ROWS',
  'EL_PANEL_CONFIG',
  'EL_RESERVED_NAME',
  'EL_UNKNOWN_COLUMN',
  'EL_UNKNOWN_ENGINE',
  'EL_UNKNOWN_SCHEMA',
  'EL_UNKNOWN_TABLE',
])

function safeMessage(error: Error, code: string | null): string {
  if (error instanceof EnginelightError) {
    return QUOTING.has(error.code)
      ? 'a name or an argument is wrong (its message is not shown)'
      : error.message.slice(0, LONGEST_MESSAGE)
  }
  return (
    serverErrorText(error) ??
    knownFailure(code, String(error.message)) ??
    `${typeOf(error)} (its message is not shown)`
  )
}

/** The application can set the name as well, so anything that is not the name of a class is not shown. */
function typeOf({ name }: Error): string {
  if (name === 'error') return 'DatabaseError'
  return typeof name === 'string' && /^[A-Za-z_$][\w$]{0,79}$/.test(name) ? name : 'Error'
}
