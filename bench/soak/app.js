// The application under soak, in a process of its own so that its heap is its own. Told by messages when to look at
// itself and when to end.
import { setImmediate as turn } from 'node:timers/promises'
import express from 'express'
import { createEngines, engine } from 'enginelight'
import { sessions } from 'enginelight/express'
import { engineReports } from '../../.cache/compiled/server-lib/channels/engine-reports.js'

const [, , url] = process.argv
const connect = name => ({ connectionString: url, application_name: `soak ${name}` })
const engines = createEngines({
  reader: engine()({ connection: connect('reader'), access: 'read', pool: { max: 6 } }),
  writer: engine()({ connection: connect('writer'), default: true, pool: { max: 6 } }),
  impatient: engine()({ connection: connect('impatient'), pool: { max: 3 }, statementTimeoutMs: 20 }),
  logger: engine()({
    connection: connect('logger'),
    mode: 'autocommit',
    enlist: 'independent',
    pool: { max: 3 },
    statementTimeoutMs: 200,
  }),
})

const counts = { requests: 0, acknowledged: 0, dirty: 0, closedLate: 0 }
let acknowledgedSum = 0n
let lastKey = 0
/** Keys whose COMMIT has an unknown outcome. */
const unknown = []
const errors = new Map()
const warnings = new Map()
const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1)

process.on('warning', ({ name, code }) => {
  // A request that is hasty on purpose has its forgotten commit told.
  if (code !== 'EL_NOT_COMMITTED') count(warnings, `${name} ${code ?? ''}`.trim())
})

const app = express()
app.disable('x-powered-by')
app.use((_req, _res, next) => {
  counts.requests++
  next()
})
app.use(sessions(engines))

app.get('/products', async (req, res) => {
  await checkFresh(req.db.reader)
  res.json(await req.db.reader('products').select('id', 'name').orderBy('id').limit(10))
})

app.post('/orders', async (req, res) => {
  const { writer } = req.db
  await checkFresh(writer)
  const key = await insertOrder(writer)
  await commit(writer, key)
  res.json({ key })
})

app.post('/checkout', async (req, res) => {
  const { reader, writer, logger } = req.db
  const [product] = await reader('products').where({ id: 1 + (counts.requests % 50) })
  await logger('log').insert({ path: req.path })
  await writer.savepoint(async () => {
    await writer('products').where({ id: product.id }).decrement('stock', 1)
  })
  const [key] = await Promise.all([insertOrder(writer), writer.query('select 1')])
  await commit(writer, key)
  res.json({ key })
})

/** Forgets to commit: its row must not be there. */
app.post('/careless', async (req, res) => {
  await insertOrder(req.db.writer)
  res.end()
})

/** Forgets to await: the statement is still under way when the response is over. */
app.post('/hasty', (req, res) => {
  insertOrder(req.db.writer).catch(error => count(errors, error.code ?? error.message))
  res.end()
})

app.get('/slow', async (req, res) => {
  await req.db.impatient.query('select pg_sleep(10)')
  res.end()
})

app.get('/slow-autocommit', async (req, res) => {
  await req.db.logger.query('select pg_sleep(10)')
  res.end()
})

// eslint-disable-next-line no-unused-vars -- Express knows an error handler by its four parameters
app.use((error, _req, res, _next) => {
  count(errors, error.code ?? `${error.name}: ${error.message}`)
  if (res.headersSent || res.destroyed) res.destroy()
  else res.status(500).json({ code: error.code })
})

function insertOrder(writer) {
  const key = ++lastKey
  return writer('orders')
    .insert({ key, product: 1 + (key % 50) })
    .then(() => key)
}

async function commit(writer, key) {
  try {
    await writer.commit()
    counts.acknowledged++
    acknowledgedSum += BigInt(key)
  } catch (error) {
    if (error.code === 'EL_COMMIT_UNKNOWN') unknown.push(key)
    throw error
  }
}

/** A transaction that somebody else had left open would have begun before we asked. */
async function checkFresh(session) {
  const askedAt = Date.now()
  const { rows } = await session.query(
    'select extract(epoch from now()) * 1000 as began, pg_current_xact_id_if_assigned() as xid',
  )
  if (Number(rows[0].began) < askedAt - 2 || rows[0].xid !== null) counts.dirty++
}

// ------------------------------------------------------------------------------------------------ told by messages

async function stats() {
  for (let round = 0; round < 2; round++) {
    globalThis.gc()
    await turn()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  const resources = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  return {
    heapUsed,
    external,
    rss,
    resources,
    listeners: Math.max(...engines.names.flatMap(listenersOf)),
    pools: engineReports().map(({ description, connections, used, waiters }) => ({
      engine: `soak ${description.engine}`,
      connections: connections.length,
      used,
      waiters: waiters.length,
    })),
  }
}

/** How many listeners each connection has that is free. */
function listenersOf(name) {
  return engines
    .get(name)
    .knex.client.pool.free.map(({ resource }) =>
      resource.__knex__disposed
        ? 0
        : resource.eventNames().reduce((sum, event) => sum + resource.listenerCount(event), 0),
    )
}

async function close() {
  const startedAt = performance.now()
  server.close()
  server.closeAllConnections()
  const report = await engines.close({ graceMs: 2_000 })
  return {
    counts,
    acknowledgedSum: String(acknowledgedSum),
    unknown,
    errors: Object.fromEntries(errors),
    warnings: Object.fromEntries(warnings),
    closeMs: performance.now() - startedAt,
    cut: report.sentences,
  }
}

process.on('message', async ({ ask }) => {
  if (ask === 'stats') return process.send(await stats())
  process.send(await close(), () => process.disconnect())
})

// Whoever has started it is gone.
process.on('disconnect', () => server.listening && process.exit(1))

const server = app.listen(0, '127.0.0.1', () => {
  process.send({ url: `http://127.0.0.1:${server.address().port}` })
})
