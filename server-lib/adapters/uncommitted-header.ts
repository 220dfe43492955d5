import type { ServerResponse } from 'node:http'
import type { EnginesInside } from '../engine-set/engines-inside.ts'
import type { ContainerCore } from '../containers/container.ts'
import type { RequestScope } from '../requests/request-scope.ts'

const HEADER = 'x-enginelight-uncommitted'

/**
 * Names the engines with uncommitted writes in a header when a response's head is written: a commit may still come, but
 * the client is told of success before it. Waits for nothing. For development only.
 */
export function tellUncommitted(
  response: ServerResponse,
  scope: RequestScope,
  insides: readonly EnginesInside[],
): void {
  const writeHead = response.writeHead as (...args: unknown[]) => ServerResponse
  response.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    const status = Number(args[0])
    const names = insides.flatMap(({ identity }) => uncommittedIn(scope.container(identity)))
    if (names.length > 0 && status < 400 && !this.headersSent) this.setHeader(HEADER, names.join(', '))
    return writeHead.apply(this, args)
  } as typeof response.writeHead
}

const uncommittedIn = (container: unknown): string[] =>
  (container as { core?: ContainerCore } | undefined)?.core?.sessions.uncommitted() ?? []
