import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Engines } from '../engines/create-engines.ts'
import type { RegisteredRequest } from '../register.ts'
import type { Definitions } from '../sessions/db.ts'
import { createMount, type MountOptions } from './mount.ts'

declare global {
  // Express looks for additions to its request in this place, in version 4 and 5 alike.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request extends RegisteredRequest {}
  }
}

/**
 * Express middleware, 4 and 5: gives each request a container, `req.db`. Mount it before the handlers and, where
 * there is one, before the body parser.
 */
export function sessions<D extends Definitions, const As extends string = 'db'>(
  engines: Engines<D>,
  options: MountOptions<As> = {},
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  const mount = createMount(engines, options)
  return (request, response, next) => mount(request, response, () => next())
}

export type { MountOptions } from './mount.ts'
