import { EnginelightError } from '../channels/errors.ts'
import { ISOLATIONS, type Isolation } from '../dialect/control.ts'
import type { ContainerCore } from '../containers/container.ts'
import { runInRequest } from '../requests/request-scope.ts'
import { Limit } from './limit.ts'
import type { CheckedRunOptions } from './run-options.ts'

/**
 * Runs a function in the surrounding container, which commits it, or in a savepoint of that. If it fails without a
 * savepoint, half of its work may have been done: the container is doomed, even if the error is caught.
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
    // The function may still be running, and its next statement would become part of the container's next work.
    if (limit.reason) await core.end('aborted', limit.reason)
    else if (!isSavepoint && core.canBeDoomed) core.doom(error)
    throw error
  } finally {
    core.runs--
    limit.stop()
  }
}

/** The server's own default counts as the weakest: it is nearly always `read committed`. */
const strengthOf = (isolation: Isolation | undefined) =>
  isolation === undefined ? 0 : ISOLATIONS.indexOf(isolation)

/** Throws when the run asks for more than the surrounding transactions give. */
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
