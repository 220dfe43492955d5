import type { Engine } from '../engines/engine.ts'
import type { Asker } from '../pool/books.ts'
import type { HeldConnection } from './held-connection.ts'
import { firstRow, onOwnConnection, type OwnConnection } from './own-connection.ts'

/** What identifies a transaction on its server, to ask for its outcome after the connection is lost. */
export interface TransactionMark {
  /** PostgreSQL's 64-bit transaction id. */
  readonly xid: string
  /** The timeline that the server is writing: after a failover another one assigns the same ids again. */
  readonly timeline: string
  readonly backendPid: number | null
}

export type Outcome = 'committed' | 'aborted' | 'unknown'

/** A transaction that has written nothing has no id yet. None is assigned for the mark, because that would be a write. */
const MARK = `select pg_current_xact_id_if_assigned()::text as xid,
  case when pg_is_in_recovery() then null else left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end as timeline`

const STATUS = `select pg_xact_status($1::xid8) as status
  where not pg_is_in_recovery() and left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) = $2`

/**
 * Ends a backend whose COMMIT never arrived: it waits for a lost client, perhaps for hours. The transaction id guards
 * this, because the pid may belong to another backend by now. An active backend is left to finish: it may be
 * committing.
 */
const END_WAITING = `select pg_terminate_backend(pid) from pg_stat_activity
  where pid = $1 and backend_xid = $2::xid8::xid and state like 'idle in transaction%'`

const ASK_AGAIN_MS = 100

/** Fetches the id of the open transaction; undefined when it has written nothing. Costs a round trip. */
export async function markTransaction(
  held: HeldConnection,
  deadlineMs: number,
): Promise<TransactionMark | undefined> {
  const result = await held.control(MARK, deadlineMs)
  const { xid, timeline } = (result.rows?.[0] ?? {}) as { xid?: string | null; timeline?: string | null }
  if (!xid || !timeline) return undefined
  return { xid, timeline, backendPid: held.driver.processID ?? null }
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
  { xid, timeline, backendPid }: TransactionMark,
  until: number,
): Promise<string | null> {
  const look = async ({ send }: OwnConnection) => {
    const row = firstRow(await send({ text: STATUS, values: [xid, timeline] })) as
      | { status: string | null }
      | undefined
    if (row?.status === 'in progress') await send({ text: END_WAITING, values: [backendPid, xid] })
    return row ? row.status : 'another history'
  }
  return onOwnConnection(engine, until, look, asker)
}
