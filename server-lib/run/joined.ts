import { EnginelightError } from '../channels/errors.ts'
import { ISOLATIONS, type Isolation } from '../postgres/control.ts'
import type { ContainerCore } from '../containers/container.ts'
import { runInRequest } from '../requests/request-scope.ts'
import { Limit } from './limit.ts'
import type { CheckedRunOptions } from './run-options.ts'

/**
 * Runs a function in the container that the call is made inside of, which commits it, or in a savepoint of that. Where it
 * fails without a savepoint, half of what it was to do may have been done: the container is doomed, whatever becomes of the error.
 */
export async function runJoined<T>(
  core: ContainerCore,
  work: () => Promise<T>,
  isSavepoint: boolean,
  options: CheckedRunOptions,
): Promise<T> {
  core.requireOpen()
  requireFit(core, options)
  const limit = new Limit(options)
  core.runs++
  try {
    const value = await limit.within(() => runInRequest(core.scope, work))
    core.joined(options.label)
    return value
  } catch (error) {
    // The function may still be running, and its next statement would be part of whatever the container begins next.
    if (limit.reason) await core.end('aborted', limit.reason)
    else if (!isSavepoint && core.canBeDoomed) core.doom(error)
    throw error
  } finally {
    core.runs--
    limit.stop()
  }
}

/** The server's own default is what it is: `read committed` nearly always. */
const strengthOf = (isolation: Isolation | undefined) =>
  isolation === undefined ? 0 : ISOLATIONS.indexOf(isolation)

/** What the transactions around it do not give must not be believed to be given. */
function requireFit({ kind, scope }: ContainerCore, { isolation, readOnly, label }: CheckedRunOptions): void {
  const around = `${scope.label} (${scope.id})`
  const asked =
    isolation !== undefined && strengthOf(isolation) > strengthOf(kind.isolation)
      ? `isolation '${isolation}', and ${around} has ${kind.isolation === undefined ? "the server's default" : `'${kind.isolation}'`}`
      : readOnly !== undefined && readOnly !== kind.readOnly
        ? `readOnly: ${readOnly}, and ${around} ${kind.readOnly ? 'only reads' : 'may write'}`
        : undefined
  if (asked === undefined) return
  throw new EnginelightError(
    'EL_ILLEGAL_MOVE',
    `The run "${label}" asks for ${asked}, whose transactions it would take part in: ask for it there, or use propagation 'new'.`,
    { state: 'inside of a container', move: 'run()', legalMoves: ["propagation: 'new'"] },
  )
}
