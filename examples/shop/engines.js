import { createEngines, engine } from 'enginelight'
import { borrowed } from './orms.js'

/** @type {typeof engine<import('./shop.js').ShopTables>} */
const shop = engine
/** @type {typeof engine<import('./shop.js').WarehouseTables>} */
const warehouse = engine
/** @type {typeof engine<import('./shop.js').LogTables>} */
const logs = engine

/**
 * The shop's engines: one to read the shop's database with a role that cannot write, one to write it, one for the
 * warehouse's database, which is committed together with the shop's, and one for the logs, which are kept whatever
 * becomes of the request. Two parts of the shop have an ORM: their pool is watched, and what we do inside of their
 * transactions we do on their connection.
 *
 * @param {import('./database.js').Databases['urlOf']} urlOf
 * @param {import('pg').Pool} ormPool
 * @param {{ reader: number, writer: number, warehouse: number, logger: number }} [connections] How many each may have.
 */
export function createShopEngines(
  urlOf,
  ormPool,
  connections = { reader: 4, writer: 3, warehouse: 3, logger: 2 },
) {
  return createEngines(
    {
      reader: shop()({ connection: urlOf('shop_reader'), access: 'read', pool: { max: connections.reader } }),
      writer: shop()({
        connection: urlOf('shop_writer'),
        default: true,
        pool: { max: connections.writer },
        checkoutTimeoutMs: 2_000,
        // Of a commit over both databases the shop's own is the last: whether the order is there decides.
        priority: 1,
      }),
      warehouse: warehouse()({
        connection: urlOf('shop_warehouse'),
        pool: { max: connections.warehouse },
        checkoutTimeoutMs: 2_000,
      }),
      logger: logs()({
        connection: urlOf('shop_logger'),
        mode: 'autocommit',
        enlist: 'independent',
        pool: { max: connections.logger },
      }),
      orm: engine()({ pool: ormPool, enlist: 'independent' }),
      borrowed: shop()({ borrowed }),
    },
    { application: 'shop' },
  )
}
