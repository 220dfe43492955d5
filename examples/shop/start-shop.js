import { once } from 'node:events'
import { createServer } from 'node:http'
import { panel } from 'enginelight/panel'
import { createApp } from './app.js'
import { startDatabases } from './database.js'
import { createShopEngines } from './engines.js'
import { choosePort } from './ports.js'
import { startRestocking } from './restock.js'
import { startTraffic } from './traffic/index.js'

/** How long requests may go on after the shop was told to stop. */
const GRACE_MS = 2_000

/**
 * @typedef {object} RunningShop
 * @property {{ app: string, panel: string | null, databases: { shop: string, logs: string } }} urls
 * @property {Promise<unknown>} broken Settles when the shop cannot go on: its PostgreSQL is gone.
 * @property {() => Promise<void>} stop
 */

/**
 * Opens the shop: databases, engines, HTTP server, panel, customers. What has been started is stopped again in the
 * opposite order, by `stop` or when a later step fails or the signal comes.
 *
 * @param {import('./command-line.js').Options} options
 * @param {AbortSignal} signal
 * @returns {Promise<RunningShop>}
 */
export async function startShop(options, signal) {
  /** @type {(() => unknown)[]} */
  const steps = []
  const stop = async () => {
    for (let step = steps.pop(); step; step = steps.pop()) await step()
  }
  try {
    // Asked first: it would be a pity to start a database for a port that is taken.
    const port = await choosePort(options.port)

    const databases = await startDatabases(signal)
    steps.push(databases.stop)

    const { pool } = options
    const sizes = pool === undefined ? undefined : { reader: pool, writer: pool, logger: pool }
    const engines = createShopEngines(databases.urlOf, sizes)
    /** @type {import('enginelight/panel').MountedPanel | undefined} */
    let mounted
    steps.push(
      () => mounted?.close(),
      () => engines.close({ graceMs: GRACE_MS }),
    )
    await engines.warmup()

    const app = createApp(engines)
    const server = createServer(app)
    steps.push(() => {
      server.close()
      server.closeIdleConnections()
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    mounted = await panel({ engines, enabled: true }).attach(server)
    app.locals.panelUrl = mounted.url
    signal.throwIfAborted()

    const url = `http://127.0.0.1:${port}/`
    if (options.traffic) steps.push(startRestocking(engines).stop, startTraffic(url).stop)

    return {
      urls: { app: url, panel: mounted.url, databases: databases.owner },
      broken: databases.ended,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
