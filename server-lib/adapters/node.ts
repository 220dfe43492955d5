import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Engines } from '../engines/engines.ts'
import { warn } from '../errors.ts'
import { failureText } from '../failure-text.ts'
import type { Db, Definitions } from '../sessions/db.ts'
import { createMount, labelOf, transactionOf, type MountOptions } from './mount.ts'

/** A request of node:http with its container. */
export type RequestWith<D extends Definitions, As extends string> = IncomingMessage & {
  readonly [Name in As]: Db<D>
}

/**
 * Wraps a handler of node:http: `createServer(sessions(engines, async (req, res) => …))`. A handler that
 * rejects before it has answered, or whose commit fails, is answered with 500; its error goes to `onError`, or to the
 * process as a warning.
 */
export function sessions<D extends Definitions, const As extends string = 'db'>(
  engines: Engines<D>,
  handler: (request: RequestWith<D, As>, response: ServerResponse) => unknown,
  options: MountOptions<As> & { onError?: (error: unknown, request: IncomingMessage) => void } = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const { onError = warnOf, ...mountOptions } = options
  const mount = createMount(engines, mountOptions)
  return (request, response) => {
    const answer = (error: unknown) => {
      onError(error, request)
      if (response.headersSent) return void response.end()
      response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' })
      response.end('Internal Server Error')
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
      // An option that is a function of the request has thrown: nobody else would answer.
      answer(error)
    }
  }
}

function warnOf(error: unknown, request: IncomingMessage): void {
  warn('EL_HANDLER_FAILED', `The handler of ${labelOf(request)} failed: ${failureText(error)}`)
}

export type { MountOptions } from './mount.ts'
export type { TransactionOptions } from './transaction-options.ts'
