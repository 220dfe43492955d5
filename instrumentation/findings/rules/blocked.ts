import { duration } from '../../model/format.ts'
import type { LockTruth, OpenTruth, ServerTruth } from '../../model/protocol.ts'
import type { Time } from '../../model/rows.ts'
import { tablesOf } from '../../model/sql-tables.ts'
import type { Connection, PanelState } from '../../model/state.ts'
import { finding, nameOf, type Rule } from '../rule.ts'

/** A wait of this length keeps people waiting. */
const LONG_MS = 1_000
/** A longer chain is told up to here. */
const LONGEST_CHAIN = 5

/** Who waits for whose lock, by the servers' own answers: a chain of requests, each with what it does. */
export const blocked: Rule = function* (state, _, now, truth) {
  if (truth === null) return
  for (const asked of truth.engines) {
    if (!('open' in asked)) continue
    for (const waiting of asked.open) {
      const connection = ofPid(state, asked.engine, waiting.pid)
      if (waiting.blockedBy.length === 0 || !connection) continue
      const statement = connection.running.map(id => state.statements.get(id)).find(it => it !== undefined)
      if (!statement) continue
      const who = nameOf(state.requests.get(statement.request), statement.request)
      const waited = Math.max(0, now - statement.startedAt)
      const { verb, writes, reads } = tablesOf(statement.text)
      const table = [...writes, ...reads][0]
      const chain = chainFrom(state, truth, asked.engine, waiting, now)
      const say = (waits: string, more: string) =>
        `${who} ${waits} for ${chain}: its ${verb ?? 'statement'}${table ? ` of ${table}` : ''} needs ${lockOf(waiting.locks)}, for ${duration(waited)}${more}.`
      yield finding('blocked', statement.id, {
        severity: waited >= LONG_MS ? 'bad' : 'warn',
        since: statement.startedAt,
        about: {
          engine: asked.engine,
          pool: connection.pool,
          connection: connection.id,
          statement: statement.id,
          request: statement.request,
          checkout: statement.checkout ?? undefined,
          session: statement.session ?? undefined,
          transaction: connection.transaction ?? statement.transaction ?? undefined,
        },
        site: statement.site,
        sentence: say('waits', ''),
        why: 'By pg_blocking_pids and pg_locks of the server. It goes on when the first of them commits or rolls back.',
        afterwards: { sentence: say('waited', ' or longer').replace(' needs ', ' needed ') },
      })
    }
  }
}

/** `GET /a (pid 7, idle in a transaction for 3.1 s, taken at pay.ts:90), which waits for …`. */
function chainFrom(
  state: PanelState,
  truth: ServerTruth,
  engine: string,
  from: OpenTruth,
  now: Time,
): string {
  const parts: string[] = []
  const seen = new Set([from.pid])
  let next = from.blockedBy
  while (parts.length < LONGEST_CHAIN) {
    const pid = next.find(one => !seen.has(one))
    if (pid === undefined) break
    seen.add(pid)
    const others = next.length > 1 ? ` and ${next.length - 1} more` : ''
    parts.push(`${holderOf(state, engine, pid, now)}${others}`)
    const open = truth.engines.flatMap(it => ('open' in it ? it.open : [])).find(it => it.pid === pid)
    next = open?.blockedBy ?? []
  }
  return parts.join(', which waits for ')
}

function holderOf(state: PanelState, engine: string, pid: number, now: Time): string {
  // A prepared transaction has no process.
  if (pid === 0) return 'a prepared transaction'
  const connection = ofPid(state, engine, pid)
  if (!connection) return `another client (pid ${pid})`
  const transaction = state.transactions.get(connection.transaction ?? '')
  const checkout = state.checkouts.get(transaction?.checkout ?? '')
  const request = transaction?.request ?? checkout?.request ?? ''
  const who = request === '' ? `connection ${connection.id}` : nameOf(state.requests.get(request), request)
  const last = connection.lastStatement
  const does =
    connection.running.length > 0
      ? 'executing'
      : `idle in a transaction for ${duration(now - (last?.endedAt ?? transaction?.startedAt ?? now))}`
  const { verb = null, writes = new Set<string>() } = last ? tablesOf(last.text) : {}
  const after = verb && writes.size > 0 ? `, after ${verb} of ${[...writes][0]}` : ''
  const line = last?.site ?? transaction?.site ?? checkout?.site
  return `${who} (pid ${pid}, ${does}${after}${line ? ` at ${line}` : ''})`
}

/** The engine's own connection, or another engine's on the same server: process ids are of one server. */
function ofPid(state: PanelState, engine: string, pid: number): Connection | undefined {
  const server = state.engines.get(engine)?.server ?? null
  const isThere = (it: Connection) => it.backendPid === pid && it.disconnected === null
  const all = [...state.connections.values()].filter(isThere)
  return (
    all.find(it => it.engine === engine) ??
    all.find(it => server !== null && state.engines.get(it.engine)?.server === server)
  )
}

/** What is waited for: `RowExclusiveLock on stock`; of a transaction's own lock, the rows that it is about. */
function lockOf(locks: readonly LockTruth[]): string {
  const waiting = locks.filter(([, , granted]) => !granted)
  const wanted = waiting.find(([what]) => what !== 'transactionid') ?? waiting[0]
  if (!wanted) return 'a lock'
  const [what, mode] = wanted
  if (what !== 'transactionid') return `${mode} on ${what}`
  const row = locks.find(([other, , granted]) => granted && other.startsWith('tuple of '))
  const table = locks.find(([, other, granted]) => granted && other.startsWith('Row'))
  if (row) return `a row of ${row[0].slice('tuple of '.length)}`
  return table ? `a row of ${table[0]}` : `another transaction’s end`
}
