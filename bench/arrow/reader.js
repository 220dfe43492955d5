// The process that reads the table once, in one way: what it takes at most is its own. It sends its figures and ends.
import * as arrow from 'apache-arrow'
import { createEngines, engine } from 'enginelight'
import { arrowBatches, toArrow } from 'enginelight/schema'

const [, , url, way] = process.argv
const engines = createEngines({ main: engine()({ connection: url, pool: { max: 2 } }) })
const { knex } = engines.get()

/** By name: each reads a builder's rows and returns how many they were. */
const WAYS = {
  nothing: () => 0,
  toArrow: async (db, table) => (await toArrow(db.main(table))).numRows,
  async batches(db, table) {
    let rows = 0
    for await (const batch of arrowBatches(db.main(table))) rows += batch.numRows
    return rows
  },
  knex: async (_db, table) => (await knex(table)).length,
  // What knex gives for int8 and numeric is text: exact, and not worth less here.
  arrays: async (_db, table) => columnsOf(await knex(table)).numRows,
  json: async (_db, table) => arrow.tableFromJSON(await knex(table)).numRows,
}

function columnsOf(rows) {
  const texts = name =>
    arrow.vectorFromArray(
      rows.map(row => row[name]),
      new arrow.Utf8(),
    )
  return arrow.tableFromArrays({
    id: Int32Array.from(rows, row => row.id),
    quantity: Int32Array.from(rows, row => row.quantity),
    account: BigInt64Array.from(rows, row => BigInt(row.account)),
    ratio: Float64Array.from(rows, row => row.ratio),
    price: texts('price'),
    name: texts('name'),
    paid: arrow.vectorFromArray(
      rows.map(row => row.paid),
      new arrow.Bool(),
    ),
    created_at: arrow.vectorFromArray(
      rows.map(row => row.created_at),
      new arrow.TimestampMicrosecond('UTC'),
    ),
  })
}

// Connected and loaded before the clock starts; what the few rows of a catalog cost is in the baseline as well.
await knex.raw('select 1')
await engines.scope(async db => {
  await db.main.query('select 1')
  await WAYS[way](db, 'warm')
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const rows = await WAYS[way](db, 'sales')
  const ms = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpuBefore)
  const peakMb = process.resourceUsage().maxRSS / 1024
  process.send({ rows, ms, cpuMs: (user + system) / 1000, peakMb })
})
await engines.close()
process.disconnect()
