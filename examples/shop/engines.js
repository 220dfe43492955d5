import { createEngines, engine } from 'enginelight'

/** @type {typeof engine<import('./shop.js').ShopTables>} */
const shop = engine
/** @type {typeof engine<import('./shop.js').LogTables>} */
const logs = engine

/**
 * The shop's engines: one to read the shop's database with a role that cannot write, one to write it, and one for
 * the logs, which are another database and are kept whatever becomes of the request.
 *
 * @param {import('./database.js').Databases['urlOf']} urlOf
 * @param {{ reader: number, writer: number, logger: number }} [connections] How many each may have.
 */
export function createShopEngines(urlOf, connections = { reader: 4, writer: 3, logger: 2 }) {
  return createEngines(
    {
      reader: shop()({ connection: urlOf('shop_reader'), access: 'read', pool: { max: connections.reader } }),
      writer: shop()({
        connection: urlOf('shop_writer'),
        default: true,
        pool: { max: connections.writer },
        checkoutTimeoutMs: 2_000,
      }),
      logger: logs()({
        connection: urlOf('shop_logger'),
        mode: 'autocommit',
        enlist: 'independent',
        pool: { max: connections.logger },
      }),
    },
    { application: 'shop' },
  )
}
