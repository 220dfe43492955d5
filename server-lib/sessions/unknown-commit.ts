import type { TransactionMark, UnknownCommit } from '../dialect/unknown-commit.ts'
import type { Engine } from '../engines/engine.ts'
import type { Asker } from '../pool/books.ts'
import type { HeldConnection } from './held-connection.ts'
import { firstRow, onOwnConnection, type OwnConnection } from './own-connection.ts'

export type Outcome = 'committed' | 'aborted' | 'unknown'

const ASK_AGAIN_MS = 100

/** Fetches the id of the open transaction; undefined when it has written nothing. Costs a round trip. */
export async function markTransaction(
  { mark }: UnknownCommit,
  held: HeldConnection,
  deadlineMs: number,
): Promise<TransactionMark | undefined> {
  const result = await held.control(mark, deadlineMs)
  const { xid, timeline } = (result.rows?.[0] ?? {}) as { xid?: string | null; timeline?: string | null }
  if (!xid || !timeline) return undefined
  return { xid, timeline, serverId: held.driver.serverId }
}

/**
 * The outcome of a transaction whose COMMIT was not answered, asked on another connection of the engine. `unknown` when
 * no answer comes within `deadlineMs`, or the transaction is still in progress then. Also `unknown` when the server has
 * forgotten it as too old, or is on another timeline. Never rejects.
 */
export async function outcomeOf(
  engine: Engine,
  asker: () => Asker,
  mark: TransactionMark,
  deadlineMs: number,
): Promise<Outcome> {
  const until = performance.now() + deadlineMs
  while (performance.now() < until) {
    const answer = await ask(engine, asker, mark, until).catch(() => undefined)
    switch (answer) {
      case 'committed':
      case 'aborted':
        return answer
      case 'in progress':
      case undefined:
        // The server may be restarting, or the backend may be about to notice its lost client.
        await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
        break
      default:
        return 'unknown'
    }
  }
  return 'unknown'
}

/** `committed`, `aborted`, `in progress`, null for a transaction that is too old, or another text for another timeline. */
function ask(
  engine: Engine,
  asker: () => Asker,
  mark: TransactionMark,
  until: number,
): Promise<string | null> {
  const asks = engine.dialect.unknownCommit as UnknownCommit
  const look = async ({ send }: OwnConnection) => {
    const row = firstRow(await send(asks.status(mark))) as { status: string | null } | undefined
    if (row?.status === 'in progress') await send(asks.endWaiting(mark))
    return row ? row.status : 'another history'
  }
  return onOwnConnection(engine, until, look, asker)
}
