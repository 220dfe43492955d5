import type { IncomingMessage, ServerResponse } from 'node:http'
import { EnginelightError } from '../errors.ts'
import { describe } from '../engines/engine-config.ts'
import { enginesInside } from '../engines/create-engines.ts'
import { currentRequest, RequestScope, runInRequest } from '../sessions/request-scope.ts'

export interface MountOptions<As extends string = 'db'> {
  /** The name under which the container hangs on the request. Default `db`. */
  as?: As
}

/** How a framework's request is mounted: what hangs where, and what to do in its context. */
export interface Mount {
  (request: IncomingMessage, response: ServerResponse, next: () => void): void
}

/** Requests that a mount has met already: a second mount of the same engines adds nothing but another name. */
const scopes = new WeakMap<IncomingMessage, RequestScope>()

/**
 * Makes the mount that every adapter shares. It gives the request a scope, hangs a lazy container on it, and ends
 * both at the response's `close`, which comes after a normal end, an error and a client's abort alike. (`close` of
 * the *request* comes as soon as a body has been read, before the response.)
 */
export function createMount(engines: unknown, { as = 'db' }: MountOptions<string> = {}): Mount {
  const inside = enginesInside(engines)
  if (typeof as !== 'string' || !/^[A-Za-z_$][\w$]*$/.test(as)) {
    throw new EnginelightError('EL_CONFIG', `Option as must be a property name, not ${describe(as)}.`, {
      option: 'as',
    })
  }
  return (request, response, next) => {
    let scope = scopes.get(request)
    const isFirst = scope === undefined
    if (!scope) {
      scope = new RequestScope('http', labelOf(request), as, inside.names)
      scopes.set(request, scope)
    }
    scope.expects(inside)
    hangContainer(request, as, scope, inside)
    const mounted = scope
    // Once for the request, however many mounts it passes: they all end together.
    if (isFirst) {
      const onClose = () => void finish(mounted, response)
      // A client that was gone before we came: its `close` has been and will not come again.
      if (response.closed || response.destroyed) onClose()
      else response.once('close', onClose)
    }
    if (currentRequest() === mounted) return next()
    runInRequest(mounted, next)
  }
}

function hangContainer(
  request: IncomingMessage,
  as: string,
  scope: RequestScope,
  inside: ReturnType<typeof enginesInside>,
): void {
  if (as in request && !isOurs(request, as)) {
    throw new EnginelightError(
      'EL_CONFIG',
      `The request has a property ${as} already: choose another name with sessions(engines, { as: … }).`,
      {
        option: 'as',
      },
    )
  }
  let container: ReturnType<typeof inside.containerFor> | undefined
  Object.defineProperty(request, as, {
    configurable: true,
    enumerable: false,
    // Kept by the request, for the scope lets go of it when all is over.
    get: Object.assign(() => (container ??= inside.containerFor(scope, request)).db, { [OURS]: true }),
  })
}

const OURS = Symbol('enginelight container')

function isOurs(request: IncomingMessage, as: string): boolean {
  const getter = Object.getOwnPropertyDescriptor(request, as)?.get
  return getter !== undefined && OURS in getter
}

async function finish(scope: RequestScope, response: ServerResponse): Promise<void> {
  // As it was when the response closed: what a handler writes to it afterwards makes it look finished.
  const isFinished = response.writableFinished
  if (isFinished) await scope.endContainers('finished')
  else await scope.endContainers('aborted', new Error('The client closed the connection.'))
  const outcome = !isFinished ? 'aborted' : response.statusCode >= 500 ? 'failed' : 'finished'
  scope.end(outcome, response.headersSent ? response.statusCode : null)
}

/** Method and path. The query string stays out: it holds what users typed. */
function labelOf(request: IncomingMessage): string {
  const target = (request as { originalUrl?: string }).originalUrl ?? request.url ?? ''
  const path = target.split(/[?#]/, 1)[0] ?? ''
  return `${request.method ?? 'GET'} ${path.slice(0, 200)}`
}
