// One row read by key, through a connection that a host has its transaction open on, and beside it.
import knex from 'knex'
import pg from 'pg'
import { borrow } from 'enginelight/sharing'
import { createEngines } from 'enginelight'
import { expectRow, SELECT } from '../unit.js'

/** How each way sends the statement: by the host, or by a borrower. */
const SENDS = {
  host:
    ({ client }) =>
    async id =>
      (await client.query(SELECT, [id])).rows[0],
  'host, in a savepoint':
    ({ client }) =>
    async id => {
      await client.query('SAVEPOINT s')
      const { rows } = await client.query(SELECT, [id])
      await client.query('RELEASE SAVEPOINT s')
      return rows[0]
    },
  knex:
    ({ own }) =>
    async id =>
      (await own('items').where({ id }))[0],
  'borrowing knex':
    ({ lent }) =>
    async id =>
      (await lent.knex('items').where({ id }))[0],
  session:
    ({ db }) =>
    async id =>
      (await db.host('items').where({ id }))[0],
  'session, `.query`':
    ({ db }) =>
    async id =>
      (await db.host.query(SELECT, [id])).rows[0],
}

export async function open({ url, send, guard = 'none', pipeline = false }) {
  const pool = new pg.Pool({ connectionString: url, max: 1, ...(pipeline && { pipeline }) })
  const client = await pool.connect()
  await client.query('BEGIN')
  const own = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } })
  const lent = borrow({ connection: () => client, guard })
  const engines = createEngines({ host: lent.engine })
  const db = engines.open()
  const read = SENDS[send]({ client, own, lent, db })
  return {
    unit: async id => expectRow(await read(id), id),
    async close() {
      await engines.close({ graceMs: 0 })
      await client.query('COMMIT')
      client.release()
      await pool.end()
      await own.destroy()
    },
  }
}
