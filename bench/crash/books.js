import { readFile } from 'node:fs/promises'
import { ACCOUNTS, NAMES, START_BALANCE } from './limits.js'

/**
 * What the workers knew of each transfer: begun, and what became of it; `killed` where nobody lived to say. And what was
 * recovered while they were at work.
 */
export async function readJournals(files) {
  const transfers = new Map()
  const recovered = []
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '')
    for (const line of text.split('\n')) {
      // The last line of one that was killed can be cut off.
      if (!line.endsWith('}')) continue
      const { id, ...entry } = JSON.parse(line)
      if (entry.recovered) recovered.push(entry.recovered)
      else transfers.set(id, { ...transfers.get(id), ...entry })
    }
  }
  for (const transfer of transfers.values()) if (transfer.state === 'begun') transfer.state = 'killed'
  return { transfers, recovered }
}

/** Compares what was said with what is there. */
export async function compare(transfers, servers) {
  const disagreements = []
  const leftovers = []
  const rows = new Map()
  let sum = 0
  for (const server of servers) {
    const [{ total }] = await server.ask('select sum(balance)::int as total from account')
    sum += total
    const own = await server.ask('select id, delta from transfer')
    const deltas = own.reduce((all, { delta }) => all + delta, 0)
    if (total !== ACCOUNTS * START_BALANCE + deltas) {
      disagreements.push(`${server.name}: accounts hold ${total}, the transfers make ${deltas}`)
    }
    for (const { id } of own) rows.set(id, [...(rows.get(id) ?? []), server.name])
    leftovers.push(...(await left(server)))
  }
  const expected = NAMES.length * ACCOUNTS * START_BALANCE
  if (sum !== expected) disagreements.push(`all accounts hold ${sum}, not ${expected}`)
  for (const id of rows.keys()) if (!transfers.has(id)) disagreements.push(`${id}: nobody has begun it`)
  for (const [id, transfer] of transfers) {
    const there = rows.get(id) ?? []
    const isWhole = there.length === 0 || there.length === transfer.engines.length
    if (!isWhole)
      disagreements.push(`${id} (${transfer.state}): on ${there.join()} of ${transfer.engines.join()}`)
    else if (!isAsReported(transfer, there.length > 0)) {
      const detail = `${transfer.code ?? transfer.outcomes?.join()} ${transfer.message ?? ''}`
      disagreements.push(`${id}: told ${transfer.state} (${detail}), is on ${there.join() || 'none'}`)
    }
  }
  return { disagreements, leftovers }
}

function isAsReported({ state, mode }, isThere) {
  switch (state) {
    case 'committed':
      return isThere && mode === 'two-phase'
    case 'failed':
      return !isThere
    case 'unknown':
    case 'killed':
      return true
    default:
      return false
  }
}

/** What is still there when everybody has gone. A backend whose client went this moment is given two seconds. */
async function left(server) {
  const until = performance.now() + 2_000
  let found
  do {
    found = await server.ask(LEFT)
    if (found.length > 0) await new Promise(resolve => setTimeout(resolve, 50))
  } while (found.length > 0 && performance.now() < until)
  return found.map(({ what }) => `${server.name}: ${what}`)
}

const LEFT = `
    select 'prepared ' || gid as what from pg_prepared_xacts
    union all select 'lock ' || mode || ' on ' || coalesce(relation::regclass::text, locktype) from pg_locks
      where locktype <> 'virtualxid' and pid is distinct from pg_backend_pid()
    union all select 'backend ' || state from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()
    union all select 'decision ' || transaction || ' of ' || decided_at from enginelight_decision`
