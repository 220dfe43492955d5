// The same statements in the same order on pg alone, with as much care for errors as the way needs to be correct while
// nothing fails: what a crash would leave behind, nobody here would end.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import {
  deleteDecisions,
  insertDecision,
  RAISE_DURABILITY,
} from '../../.cache/compiled/server-lib/postgres/two-phase/decision.js'
import { formatGid } from '../../.cache/compiled/server-lib/commit/gid.js'
import { INSERT, NOTE } from './unit.js'

const LIMITS = { idleTimeoutMs: 30_000, lockTimeoutMs: 15_000 }

export async function open({ urls, max, protocol }) {
  const pools = urls.map(connectionString => new pg.Pool({ connectionString, max }))
  const { rows } = await pools.at(-1).query('select id from enginelight_location')
  const commit =
    protocol === 'plain' || urls.length === 1
      ? commitPlainly
      : clients => commitInTwoPhases(clients, rows[0].id)
  return {
    async unit(id) {
      const clients = []
      try {
        for (const pool of pools) {
          const client = await pool.connect()
          clients.push(client)
          await client.query('BEGIN')
          await client.query(INSERT, [id, NOTE])
        }
        const last = await commit(clients)
        for (const client of clients) if (client !== last) client.release()
      } catch (error) {
        for (const client of clients) client.release(error)
        throw error
      }
    },
    close: () => Promise.all(pools.map(pool => pool.end())),
  }
}

async function commitPlainly(clients) {
  for (const client of clients) await send(client, 'COMMIT', 'COMMIT')
}

async function commitInTwoPhases(clients, location) {
  const last = clients.at(-1)
  const transaction = randomUUID()
  const others = clients.slice(0, -1).map((client, index) => {
    const gid = formatGid({ application: 'bench', transaction, engine: `e${index}`, location })
    return { client, gid }
  })
  const parts = others.map(({ gid }, index) => ({ engine: `e${index}`, database: 'postgres', gid }))
  await last.query(insertDecision(transaction, 'bench', parts, LIMITS))
  const prepared = others.map(({ client, gid }) => send(client, `PREPARE TRANSACTION '${gid}'`, 'PREPARE'))
  await Promise.all([last.query(RAISE_DURABILITY), ...prepared])
  await send(last, 'COMMIT', 'COMMIT')
  await Promise.all(others.map(({ client, gid }) => send(client, `COMMIT PREPARED '${gid}'`, 'COMMIT')))
  // The row is taken away while the caller goes on, and the connection goes back when that is done.
  last.query(deleteDecisions([transaction])).then(
    () => last.release(),
    error => last.release(error),
  )
  return last
}

async function send(client, text, expected) {
  const { command } = await client.query(text)
  if (!command.startsWith(expected)) throw new Error(`${text} was answered with ${command}`)
}
