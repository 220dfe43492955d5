import { once } from 'node:events'
import { createServer } from 'node:http'
import { panel } from 'enginelight/panel'
import { createApp } from './app.js'
import { startDatabases } from './database.js'
import { createShopEngines } from './engines.js'
import { openOrms } from './orms.js'
import { choosePort } from './ports.js'
import { startRestocking } from './restock.js'
import { stopServing } from './stop-serving.js'
import { startTraffic } from './traffic/index.js'

/** How long requests may go on after the shop was told to stop. */
const REQUESTS_GRACE_MS = 1_500
/** Within which then whatever is left is ended. */
const ENGINES_GRACE_MS = 1_000

const RECOVERY_EVERY_MS = 1_500
const RECOVERY_OLDER_MS = 8_000

/**
 * @typedef {object} RunningShop
 * @property {{ app: string, panel: string | null, databases: { shop: string, logs: string, warehouse: string } }} urls
 * @property {Promise<unknown>} broken Settles when the shop cannot go on: its PostgreSQL is gone.
 * @property {() => Promise<void>} stop
 */

/**
 * Opens the shop: databases, engines, HTTP server, panel, customers. What has been started is stopped again in the
 * opposite order, by `stop` or when a later step fails or the signal comes.
 *
 * @param {import('./command-line.js').Options} options
 * @param {AbortSignal} signal
 * @param {Pick<import('./database.js').Databases, 'owner' | 'urlOf'>} [given] Databases that another process has started.
 * @returns {Promise<RunningShop>}
 */
export async function startShop(options, signal, given) {
  /** @type {(() => unknown)[]} */
  const steps = []
  const stop = async () => {
    for (let step = steps.pop(); step; step = steps.pop()) await step()
  }
  try {
    // Asked first: it would be a pity to start a database for a port that is taken.
    const port = given ? (options.port ?? 0) : await choosePort(options.port)

    const own = given ? undefined : await startDatabases(signal)
    if (own) steps.push(own.stop)
    const databases = given ?? /** @type {import('./database.js').Databases} */ (own)

    const { pool } = options
    const sizes =
      pool === undefined ? undefined : { reader: pool, writer: pool, warehouse: pool, logger: pool }
    const orms = await openOrms(databases.urlOf('shop_orm'))
    steps.push(orms.close)
    const engines = createShopEngines(databases.urlOf, orms.pool, sizes)
    /** @type {import('enginelight/panel').MountedPanel | undefined} */
    let mounted
    /** @type {import('node:http').Server | undefined} */
    let server
    steps.push(
      () => mounted?.close(),
      async () => {
        const { sentences } = await engines.close({ graceMs: ENGINES_GRACE_MS })
        for (const sentence of sentences) console.error(sentence)
        server?.closeAllConnections()
      },
    )
    await engines.warmup()
    // Each start: it does nothing where all is there.
    for (const { engine, twoPhase, reasons } of await engines.install())
      if (!twoPhase) console.error(`${engine} takes no part in two-phase commits: ${reasons.join('; ')}`)
    // What a killed process left prepared is ended by whoever is alive. A minute is the default; a demo is in a hurry.
    engines.recovery({ everyMs: RECOVERY_EVERY_MS, olderThanMs: RECOVERY_OLDER_MS })

    const app = createApp(engines, orms)
    app.locals.urlOf = databases.urlOf
    const serving = createServer(app)
    server = serving
    steps.push(() => {
      // Whoever balances the load is told first.
      app.locals.isReady = false
      return stopServing(serving, REQUESTS_GRACE_MS)
    })
    serving.listen(port, '127.0.0.1')
    await once(serving, 'listening')
    mounted = await panel({ engines, enabled: true }).attach(serving)
    app.locals.panelUrl = mounted.url
    signal.throwIfAborted()
    app.locals.isReady = true

    const url = `http://127.0.0.1:${port}/`
    if (options.traffic) steps.push(startRestocking(engines).stop, startTraffic(url).stop)

    return {
      urls: { app: url, panel: mounted.url, databases: databases.owner },
      broken: own?.ended ?? new Promise(() => {}),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
