import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { startPostgres } from '../../scripts/postgres/server.js'

/**
 * The shop's three databases, with their tables and some data, on a server of our own.
 *
 * @typedef {object} Databases
 * @property {{ shop: string, logs: string, warehouse: string }} owner URLs of the superuser, to look at what the server sees.
 * @property {(role: Role) => string} urlOf What an engine connects to.
 * @property {Promise<unknown>} ended
 * @property {() => Promise<void>} stop
 */

/** @typedef {keyof typeof ROLES} Role */

/** Who may connect to which database. What each may do there is said by the schema's grants. */
const ROLES = /** @type {const} */ ({
  shop_reader: 'shop',
  shop_writer: 'shop',
  shop_orm: 'shop',
  shop_warehouse: 'warehouse',
  shop_logger: 'logs',
})
const PASSWORD = 'enginelight'

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Databases>}
 */
export async function startDatabases(signal) {
  const postgres = await startPostgres({ settings: { max_connections: 60 }, signal })
  /** @param {string} user @param {string} password @param {string} database */
  const url = (user, password, database) =>
    `postgres://${user}:${password}@127.0.0.1:${postgres.port}/${database}`
  /** @param {string} database */
  const ownerOf = database => url('postgres', 'postgres', database)
  try {
    const roles = Object.keys(ROLES).map(role => `create role ${role} login password '${PASSWORD}'`)
    const databases = ['shop', 'warehouse', 'logs'].map(name => `create database ${name}`)
    await run(ownerOf('postgres'), [...roles, ...databases])
    await Promise.all([
      run(ownerOf('shop'), [await read('schema/shop.sql')]),
      run(ownerOf('warehouse'), [await read('schema/warehouse.sql')]),
      run(ownerOf('logs'), [await read('schema/logs.sql')]),
    ])
  } catch (error) {
    await postgres.stop()
    throw error
  }
  return {
    owner: { shop: ownerOf('shop'), logs: ownerOf('logs'), warehouse: ownerOf('warehouse') },
    urlOf: role => url(role, PASSWORD, ROLES[role]),
    ended: postgres.ended,
    stop: postgres.stop,
  }
}

/** @param {string} file */
const read = file => readFile(new URL(file, import.meta.url), 'utf8')

/** @param {string} url @param {string[]} statements */
async function run(url, statements) {
  const client = new pg.Client(url)
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
