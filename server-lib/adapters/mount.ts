import type { IncomingMessage, ServerResponse } from 'node:http'
import { EnginelightError } from '../channels/errors.ts'
import { describe } from '../channels/describe.ts'
import { enginesInside, type EnginesInside } from '../engine-set/engines-inside.ts'
import type { ContainerCore } from '../containers/container.ts'
import { isDevelopment } from '../identity/development.ts'
import { containerCoreOf } from '../containers/db.ts'
import { currentRequest, RequestScope, runInRequest } from '../requests/request-scope.ts'
import { settingsOf } from './annotation.ts'
import { RequestTransaction, type AnswerFailure } from './request-transaction.ts'
import { checkMount, type TransactionOptions } from './transaction-options.ts'
import { tellUncommitted } from './uncommitted-header.ts'

export interface MountOptions<As extends string = 'db'> extends TransactionOptions {
  /** The request property that holds the container. Default `db`. */
  as?: As
}

/**
 * Mounts a framework's request: what is put on it, and what runs in its context. `answerFailure` is called when a
 * commit has failed and the handler's response was therefore not sent.
 */
export interface Mount {
  (request: IncomingMessage, response: ServerResponse, next: () => void, answerFailure: AnswerFailure): void
}

interface Mounted {
  readonly scope: RequestScope
  /** The engine sets that count this request. */
  readonly insides: EnginesInside[]
  transaction: RequestTransaction | undefined
}

/** Requests that a mount has already seen: a second mount of the same engines adds only another name. */
const mounted = new WeakMap<IncomingMessage, Mounted>()

/** The transaction of a request whose engines a mount commits, if there is one. */
export function transactionOf(request: IncomingMessage): RequestTransaction | undefined {
  return mounted.get(request)?.transaction
}

/**
 * Makes the mount that all adapters share. It gives the request a scope and a lazy container, and ends both at the
 * response's `close`, which comes after a normal end, an error and a client's abort. (`close` of the *request* comes
 * once the body has been read, before the response.) Where an engine is transactional, the response is held back until
 * the commit.
 */
export function createMount(engines: unknown, options: MountOptions<string> = {}): Mount {
  const inside = enginesInside(engines)
  checkMount(options)
  const { as = 'db', annotate, activate, container } = options
  return (request, response, next, answerFailure) => {
    let known = mounted.get(request)
    const isFirst = known === undefined
    if (!known) {
      known = {
        scope: new RequestScope('http', labelOf(request), as, inside.names),
        insides: [],
        transaction: undefined,
      }
      mounted.set(request, known)
    }
    const { scope } = known
    if (!known.insides.includes(inside)) {
      known.insides.push(inside)
      inside.requests++
    }
    // Once for each request, however many mounts it passes: they all end together.
    if (isFirst) {
      const ended = known
      const onClose = () => void finish(ended, response)
      // The client was gone before the mount: its `close` has passed and will not come again.
      if (response.closed || response.destroyed) onClose()
      else response.once('close', onClose)
    }
    if (isFirst && isDevelopment()) tellUncommitted(response, scope, known.insides)
    scope.expects(inside.identity)
    const given = container?.(request)
    if (given !== undefined) lend(scope, inside, given)
    hangContainer(request, as, scope, inside)
    if (annotate && !scope.annotate) scope.annotate = () => settingsOf(annotate(request))
    const isSent = response.headersSent || response.closed || response.destroyed
    if (
      inside.isTransactional &&
      !isLent(scope, inside) &&
      !isSent &&
      (activate === undefined || activate(request))
    ) {
      known.transaction ??= new RequestTransaction(request, response, scope, options, answerFailure)
      known.transaction.add(inside, options)
    }
    if (currentRequest() === scope) return next()
    runInRequest(scope, next)
  }
}

/** A container of the application's own, replacing the request's: it lives on when the request is over. */
class Lent {
  readonly db: object
  readonly core: ContainerCore

  constructor(db: object, core: ContainerCore) {
    this.db = db
    this.core = core
  }
  end(): Promise<void> {
    return Promise.resolve()
  }
  unreleased(): string[] {
    return []
  }
}

function lend(scope: RequestScope, inside: EnginesInside, db: object): void {
  const core = containerCoreOf(db)
  if (!core) {
    throw new EnginelightError(
      'EL_CONFIG',
      `Option container must return a container, as engines.open() makes one, or undefined; not ${describe(db)}.`,
      { option: 'container' },
    )
  }
  if (!scope.container(inside.identity)) scope.addContainer(inside.identity, new Lent(db, core))
}

const isLent = (scope: RequestScope, inside: EnginesInside) =>
  scope.container(inside.identity) instanceof Lent

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
    // Kept here, because the scope drops it when the request is over.
    get: Object.assign(() => (container ??= inside.containerFor(scope, request)).db, { [OURS]: true }),
  })
}

const OURS = Symbol('enginelight container')

function isOurs(request: IncomingMessage, as: string): boolean {
  const getter = Object.getOwnPropertyDescriptor(request, as)?.get
  return getter !== undefined && OURS in getter
}

async function finish({ scope, insides, transaction }: Mounted, response: ServerResponse): Promise<void> {
  // Read now, as the response closed: later writes of the handler make it look finished.
  const isFinished = response.writableFinished
  scope.hasFailed = response.statusCode >= 400
  if (isFinished) await scope.endContainers('finished')
  else await scope.endContainers('aborted', new Error('The client closed the connection.'))
  const hasFailed = response.statusCode >= 500 || transaction?.hasFailed === true
  const outcome = hasFailed && response.headersSent ? 'failed' : isFinished ? 'finished' : 'aborted'
  scope.end(outcome, response.headersSent ? response.statusCode : null)
  for (const inside of insides) inside.requests--
}

/** Method and path. The query string is left out: it holds what users typed. */
export function labelOf(request: IncomingMessage): string {
  const target = (request as { originalUrl?: string }).originalUrl ?? request.url ?? ''
  const path = target.split(/[?#]/, 1)[0] ?? ''
  // A proxy's request has a whole URL as its target, which may hold a password before the host.
  const shown = path.startsWith('/') ? path : path.slice(path.lastIndexOf('@') + 1)
  return `${request.method ?? 'GET'} ${shown.slice(0, 200)}`
}
