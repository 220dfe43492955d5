import type { Engine } from '../engines/engine.ts'
import { failureOf, kindOf } from '../dialect/known-dialects.ts'
import { commandOf } from '../dialect/result.ts'
import type { TwoPhase } from '../dialect/two-phase.ts'
import { onOwnConnection, pause, type OwnConnection } from '../sessions/own-connection.ts'

const ASK_AGAIN_MS = 100

/**
 * Commits or rolls back the prepared transaction of this name, on a connection of the engine. `gone` when there is none
 * any more: it was ended elsewhere, or by an attempt whose answer was lost. Retries for `deadlineMs` while the
 * transaction is busy, and after a lost connection. Rejects with the last failure, and at once when the role may not
 * end it.
 */
export async function endPrepared(
  engine: Engine,
  gid: string,
  action: 'commit' | 'rollback',
  deadlineMs: number,
): Promise<'done' | 'gone'> {
  const twoPhase = engine.dialect.twoPhase as TwoPhase
  const until = performance.now() + deadlineMs
  for (;;) {
    try {
      return await onOwnConnection(engine, until, connection => end(twoPhase, connection, gid, action))
    } catch (error) {
      const isBusy = kindOf(error) === 'busy'
      const mayRepeat = isBusy || failureOf(error) === 'connection'
      if (!mayRepeat || isClosed(error) || performance.now() + ASK_AGAIN_MS >= until) throw error
      await pause(ASK_AGAIN_MS)
    }
  }
}

async function end(
  twoPhase: TwoPhase,
  connection: OwnConnection,
  gid: string,
  action: 'commit' | 'rollback',
): Promise<'done' | 'gone'> {
  const attempt = await tryToEnd(twoPhase, connection, gid, action)
  if (attempt === 'done' || attempt === 'gone') return attempt
  if (kindOf(attempt) !== 'denied') throw attempt
  const owner = await ownerOf(twoPhase, connection, gid)
  if (owner === undefined) return 'gone'
  // Closed afterwards rather than reset: RESET ROLE would lose a role that the pool itself sets on its connections.
  connection.spoil('used in another role')
  await connection.send(twoPhase.becomeRole(owner))
  const asOwner = await tryToEnd(twoPhase, connection, gid, action)
  if (asOwner === 'done' || asOwner === 'gone') return asOwner
  throw asOwner
}

/** Resolves to the server's error where the server refused. */
async function tryToEnd(
  twoPhase: TwoPhase,
  { send }: OwnConnection,
  gid: string,
  action: 'commit' | 'rollback',
): Promise<'done' | 'gone' | Error> {
  try {
    const tag = commandOf(
      await send(action === 'commit' ? twoPhase.commitPrepared(gid) : twoPhase.rollbackPrepared(gid)),
    )
    // pg only reads the first word of a tag.
    if (tag === action.toUpperCase()) return 'done'
    throw new Error(`the end of a prepared transaction was answered with ${tag}`)
  } catch (error) {
    if (kindOf(error) === 'not found') return 'gone'
    if (failureOf(error) === 'connection') throw error
    return error as Error
  }
}

async function ownerOf(
  twoPhase: TwoPhase,
  { send }: OwnConnection,
  gid: string,
): Promise<string | undefined> {
  const { rows } = await send(twoPhase.ownerOf(gid))
  return (rows?.[0] as { owner: string } | undefined)?.owner
}

const isClosed = (error: unknown) => (error as { code?: unknown }).code === 'EL_ENGINE_CLOSED'
