import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Engines } from '../engine-set/engines.ts'
import type { Db, Definitions } from '../containers/db.ts'
import { createMount, transactionOf, type MountOptions } from './mount.ts'
import { answerPlainly, warnOfFailure } from './plain-failure.ts'

/** A request of node:http with its container. */
export type RequestWith<D extends Definitions, As extends string> = IncomingMessage & {
  readonly [Name in As]: Db<D>
}

/**
 * Wraps a handler of node:http: `createServer(sessions(engines, async (req, res) => …))`. If the handler rejects before
 * it has answered, or its commit fails, the answer is a 500; the error goes to `onError`, or becomes a process warning.
 */
export function sessions<D extends Definitions, const As extends string = 'db'>(
  engines: Engines<D>,
  handler: (request: RequestWith<D, As>, response: ServerResponse) => unknown,
  options: MountOptions<As> & { onError?: (error: unknown, request: IncomingMessage) => void } = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const { onError = warnOfFailure, ...mountOptions } = options
  const mount = createMount(engines, mountOptions)
  return (request, response) => {
    const answer = (error: unknown, isAnswered = false) => {
      onError(error, request)
      if (!isAnswered) answerPlainly(response)
    }
    const failed = (error: unknown) => {
      const transaction = transactionOf(request)
      if (transaction) void transaction.handlerFailed(error).then(() => answer(error))
      else answer(error)
    }
    const handle = () => {
      try {
        const result = handler(request as RequestWith<D, As>, response)
        if (result instanceof Promise) result.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
    try {
      mount(request, response, handle, answer)
    } catch (error) {
      // An option that is a function of the request has thrown: nothing else would answer.
      answer(error)
    }
  }
}

export type { MountOptions } from './mount.ts'
export type { TransactionOptions } from './transaction-options.ts'
