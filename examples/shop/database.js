import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { startPostgres } from '../../scripts/postgres/server.js'

/**
 * The shop's three databases, with their tables and some data, on a server of our own.
 *
 * @typedef {object} Databases
 * @property {{ shop: string, logs: string, warehouse: string }} owner URLs of the superuser, to look at what the server sees.
 * @property {(role: Role) => string} urlOf What an engine connects to.
 * @property {number} port
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
  const postgres = await startPostgres({ settings: { max_connections: 100 }, signal })
  const at = databasesAt(postgres.port)
  try {
    const roles = Object.keys(ROLES).map(role => `create role ${role} login password '${PASSWORD}'`)
    const databases = ['shop', 'warehouse', 'logs'].map(name => `create database ${name}`)
    await run(ownerUrl(postgres.port, 'postgres'), [...roles, ...databases])
    await Promise.all([
      run(at.owner.shop, [await read('schema/shop.sql')]),
      run(at.owner.warehouse, [await read('schema/warehouse.sql')]),
      run(at.owner.logs, [await read('schema/logs.sql')]),
    ])
  } catch (error) {
    await postgres.stop()
    throw error
  }
  return { ...at, ended: postgres.ended, stop: postgres.stop }
}

/**
 * The same, for a process that did not start them.
 *
 * @param {number} port
 * @returns {Pick<Databases, 'owner' | 'urlOf' | 'port'>}
 */
export function databasesAt(port) {
  return {
    port,
    owner: {
      shop: ownerUrl(port, 'shop'),
      logs: ownerUrl(port, 'logs'),
      warehouse: ownerUrl(port, 'warehouse'),
    },
    urlOf: role => `postgres://${role}:${PASSWORD}@127.0.0.1:${port}/${ROLES[role]}`,
  }
}

/** @param {number} port @param {string} database */
const ownerUrl = (port, database) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`

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
