import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  aFunction,
  byNameAlone,
  checkOptions,
  need,
  oneOf,
  whole,
  type Asker,
  type Needs,
} from '../channels/options.ts'
import type { HoldOptions } from './held/gate.ts'

/** Declared as a method, so that a function may take its framework's own request type. */
type Of<Request extends IncomingMessage, Answer> = { of(request: Request): Answer }['of']
type OfBoth<Answer> = { of(request: IncomingMessage, response: ServerResponse): Answer }['of']

/** How a mount treats engines that are `transactional`. Without such an engine none of these options matters. */
export interface TransactionOptions {
  /** Whether the mount commits this request; called once, when the request is mounted. Default: every request. */
  activate?: Of<IncomingMessage, boolean>
  /**
   * Whether a response that is ready to be sent is a failure, so that the request is rolled back. Default: a status of
   * 400 and above, or a body that reports a failure. False: never. Not called where the response has a header `X-Tm`,
   * which decides: `commit`, or anything else for a rollback.
   */
  veto?: false | OfBoth<boolean | Promise<boolean>>
  /**
   * Settings of the request's transactions, for the server's triggers and logs: `{ user }` is read there as
   * `current_setting('enginelight.user', true)`. Called at each BEGIN, on every engine in transaction mode, so the user
   * must be known by then. Costs one round trip each.
   */
  annotate?: Of<IncomingMessage, Readonly<Record<string, string | undefined>>>
  /**
   * The container that the request gets instead of one of its own, or undefined. The mount never commits, rolls back or
   * ends it, whatever the answer: for tests, which roll it back. A handler that calls `db.commit()` commits it.
   */
  container?: Of<IncomingMessage, object | undefined>
  /** How many bytes are held until the commit of a body that is written in parts. Default 1 MiB. */
  holdBytes?: number
  /**
   * What happens when a body is longer, or the handler flushes the headers. `'commit first'` (default): the request is
   * committed before anything is sent. `'commit last'`: the body is sent, and its end waits for the commit; if that
   * fails, the connection is cut. A body that is read from the transaction itself is always sent this way.
   */
  streaming?: HoldOptions['streaming']
}

const MIB = 1_048_576

const NEEDS: Needs<TransactionOptions & { as?: string }> = {
  as: need('a property name', value => typeof value === 'string' && /^[A-Za-z_$][\w$]*$/.test(value)),
  activate: aFunction('a function of the request'),
  veto: need(
    'false or a function of request and response',
    value => value === false || typeof value === 'function',
  ),
  annotate: aFunction('a function of the request'),
  container: aFunction('a function of the request'),
  holdBytes: whole('a whole number of bytes', 0),
  streaming: oneOf(['commit first', 'commit last']),
}
const SESSIONS = 'sessions(engines, { … })'
const ASKER: Asker = {
  name: SESSIONS,
  noObject: given => `${SESSIONS} takes its options as an object, not ${given}.`,
  noOption: (option, known) => `${SESSIONS} has no option ${option}; it has ${known}.`,
  wrong: byNameAlone,
}

/** Throws EL_CONFIG for the first option that is wrong or unknown. */
export function checkMount(options: unknown): void {
  checkOptions(ASKER, options, NEEDS)
}

export function holdOptions({
  holdBytes = MIB,
  streaming = 'commit first',
}: TransactionOptions): HoldOptions {
  return { holdBytes, streaming }
}
