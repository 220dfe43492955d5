/** A process of the shop's that dies by SIGKILL right after one step of a commit over two databases. */
import { once } from 'node:events'
import pg from 'pg'
import { observe } from 'enginelight/channels'
import { createShopEngines } from '../engines.js'

const [, , after] = process.argv
const [[reader, writer, warehouse, logger]] = await once(process, 'message')
/** @type {Partial<Record<import('../database.js').Role, string>>} */
const urls = { shop_reader: reader, shop_writer: writer, shop_warehouse: warehouse, shop_logger: logger }
// The ORMs have no part in it: their pool is never asked.
const engines = createShopEngines(role => urls[role] ?? '', new pg.Pool())

observe('enginelight:commit', message => {
  if (message.phase === 'step ended' && message.step === after) process.kill(process.pid, 'SIGKILL')
})

await engines.scope(
  async db => {
    await db.writer('stock').where({ product_id: 12 }).decrement('quantity', 1)
    await db.warehouse('shipments').insert({ order_id: 0, product_id: 12, quantity: 1, shelf: 2 })
    await db.commit()
  },
  { label: 'a process that is killed' },
)
