import type { IncomingMessage, ServerResponse } from 'node:http'
import { startDeadline } from '../clock/deadline.ts'
import type { Engines } from '../engine-set/engines.ts'
import type { RegisteredRequest } from '../engine-set/register.ts'
import type { Definitions } from '../containers/db.ts'
import { createMount, transactionOf, type MountOptions } from './mount.ts'
import { answerPlainly, warnOfFailure } from './plain-failure.ts'

declare global {
  // Express 4 and 5 both look here for additions to their request.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request extends RegisteredRequest {}
  }
}

/**
 * Express middleware, 4 and 5: gives each request a container, `req.db`. Mount it before the handlers, and before the
 * body parser if there is one; after middleware whose headers an error page needs as well (CORS).
 */
export function sessions<D extends Definitions, const As extends string = 'db'>(
  engines: Engines<D>,
  options: MountOptions<As> = {},
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  const mount = createMount(engines, options)
  return (request, response, next) => {
    // Express keeps the `next` of the router that found the handler on the request, and `res.sendFile` uses it. So an
    // error handler of that router is reached, as by `next(error)` in the handler.
    const fail = (error: unknown, isAnswered: boolean) => {
      if (isAnswered) return warnOfFailure(error, request)
      const router = (request as { next?: typeof next }).next
      if (router) return router(error)
      next(error)
      answerUnlessAnswered(error, request, response)
    }
    mount(request, response, () => next(), fail)
  }
}

/** How long a router other than Express may take to answer an error. */
const ANSWER_MS = 500

/**
 * A promise framework (Koa, Hono, h3) that runs this middleware treats `next` as done, and sees no error after that:
 * without an answer from here the client would wait for ever.
 */
function answerUnlessAnswered(error: unknown, request: IncomingMessage, response: ServerResponse): void {
  startDeadline(ANSWER_MS, () => {
    if (response.headersSent || response.destroyed) return
    warnOfFailure(error, request)
    answerPlainly(response)
  })
}

/**
 * Express error middleware: a request that has an error before its COMMIT is sent is rolled back, whatever the error
 * handlers answer. Mount it after the routes and before the error handlers. Without it the status of the answer
 * decides.
 */
export function rollbackOnError(): (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void {
  return (error, request, _response, next) => {
    transactionOf(request)?.refuse(error)
    next(error)
  }
}

export type { MountOptions } from './mount.ts'
export type { TransactionOptions } from './transaction-options.ts'
