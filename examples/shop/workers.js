import cluster from 'node:cluster'
import { once } from 'node:events'
import { databasesAt, startDatabases } from './database.js'
import { choosePort } from './ports.js'
import { startShop } from './start-shop.js'

/** How long a worker may take to stop. */
const STOP_MS = 5_000

/**
 * The shop in several processes that share its port, as a server with several cores has it. The panel has one address
 * and shows all of them.
 *
 * @param {import('./command-line.js').Options} options
 * @param {AbortSignal} signal
 * @returns {Promise<import('./start-shop.js').RunningShop>}
 */
export async function startWorkers(options, signal) {
  const port = await choosePort(options.port)
  const databases = await startDatabases(signal)
  const workers = Array.from({ length: options.workers }, (_, index) =>
    // The customers come to the port, and so to all.
    cluster.fork({
      SHOP: JSON.stringify({ ...options, port, traffic: options.traffic && index === 0 }),
      SHOP_POSTGRES: databases.port,
    }),
  )
  const stop = async () => {
    await Promise.all(workers.map(ended))
    await databases.stop()
  }
  try {
    const ready = await Promise.all(
      workers.map(worker => Promise.race([once(worker, 'message'), died(worker)])),
    )
    signal.throwIfAborted()
    const [[urls]] = /** @type {[[import('./start-shop.js').RunningShop['urls']]]} */ (ready)
    return { urls, broken: databases.ended, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * One of the processes.
 *
 * @param {AbortSignal} signal
 */
export async function startWorker(signal) {
  const options = JSON.parse(process.env['SHOP'] ?? '{}')
  const shop = await startShop(options, signal, databasesAt(Number(process.env['SHOP_POSTGRES'])))
  process.send?.(shop.urls)
  return shop
}

/** @param {import('node:cluster').Worker} worker */
async function died(worker) {
  await once(worker, 'exit')
  throw new Error(`Worker ${worker.id} ended while it started.`)
}

/** @param {import('node:cluster').Worker} worker */
async function ended(worker) {
  if (worker.isDead()) return
  const exit = once(worker, 'exit')
  worker.process.kill('SIGTERM')
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), STOP_MS)
  await exit
  clearTimeout(timer)
}
