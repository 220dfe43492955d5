import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe } from '../channels/describe.ts'
import { EnginelightError } from '../channels/errors.ts'
import type { HoldOptions } from './held-response.ts'

/** Written as a method, so that a function may ask for its framework's own request. */
type Of<Request extends IncomingMessage, Answer> = { of(request: Request): Answer }['of']
type OfBoth<Answer> = { of(request: IncomingMessage, response: ServerResponse): Answer }['of']

/** What a mount does with engines that are `transactional`. Without one none of it matters. */
export interface TransactionOptions {
  /** Whether this request is committed by the mount; asked once, as it comes by. Default: every request. */
  activate?: Of<IncomingMessage, boolean>
  /**
   * Whether a response that is ready to be sent is a failure, whose request is rolled back. Default: a status of 400 and
   * above. False: none is. Not asked where the response has a header `X-Tm`, which decides: `commit`, or anything else for a
   * rollback.
   */
  veto?: false | OfBoth<boolean | Promise<boolean>>
  /**
   * Settings of the request's transactions, for triggers and logs of the server: `{ user }` is read there as
   * `current_setting('enginelight.user', true)`. Asked at each BEGIN, on every engine in transaction mode, so by then the user must
   * be known; a round trip for each.
   */
  annotate?: Of<IncomingMessage, Readonly<Record<string, string | undefined>>>
  /**
   * The container that the request is given instead of one of its own, or undefined. It is not committed, rolled back or ended
   * here, whatever is answered: for tests, which roll it back. A handler that calls `db.commit()` commits it.
   */
  container?: Of<IncomingMessage, object | undefined>
  /** How many bytes of a body that is written in parts are held until the commit. Default 1 MiB. */
  holdBytes?: number
  /**
   * What happens when a body is longer, or the handler flushes the headers. `'commit first'` (default): the request is
   * committed before anything is sent. `'commit last'`: the body is sent, and its end waits for the commit; should that
   * fail the connection is cut. A body that is read from the transaction itself is always sent so.
   */
  streaming?: HoldOptions['streaming']
}

const MIB = 1_048_576

const NEEDS: Record<keyof TransactionOptions, readonly [(value: unknown) => boolean, string]> = {
  activate: [value => typeof value === 'function', 'a function of the request'],
  veto: [
    value => value === false || typeof value === 'function',
    'false or a function of request and response',
  ],
  annotate: [value => typeof value === 'function', 'a function of the request'],
  container: [value => typeof value === 'function', 'a function of the request'],
  holdBytes: [value => Number.isInteger(value) && (value as number) >= 0, 'a whole number of bytes'],
  streaming: [
    value => value === 'commit first' || value === 'commit last',
    "'commit first' or 'commit last'",
  ],
}

/** Throws EL_CONFIG at the first option that is wrong, or that there is not. */
export function checkTransactionOptions(options: Record<string, unknown>): void {
  if (typeof options !== 'object' || options === null) {
    throw new EnginelightError(
      'EL_CONFIG',
      `sessions(engines, { … }) takes its options as an object, not ${describe(options)}.`,
      { option: 'options' },
    )
  }
  for (const [option, value] of Object.entries(options)) {
    if (option === 'as' || value === undefined) continue
    const need = Object.hasOwn(NEEDS, option) ? NEEDS[option as keyof TransactionOptions] : undefined
    if (!need) {
      const known = ['as', ...Object.keys(NEEDS)]
      throw new EnginelightError(
        'EL_CONFIG',
        `sessions(engines, { … }) has no option ${option}; it has ${known.join(', ')}.`,
        { option, known },
      )
    }
    const [isRight, needs] = need
    if (!isRight(value)) {
      throw new EnginelightError('EL_CONFIG', `Option ${option} must be ${needs}, not ${describe(value)}.`, {
        option,
      })
    }
  }
}

export function holdOptions({
  holdBytes = MIB,
  streaming = 'commit first',
}: TransactionOptions): HoldOptions {
  return { holdBytes, streaming }
}
