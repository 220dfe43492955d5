#!/usr/bin/env node
import { readCommandLine, USAGE } from './command-line.js'
import cluster from 'node:cluster'
import { startShop } from './start-shop.js'
import { startWorker, startWorkers } from './workers.js'

const stop = new AbortController()
let askedAt = 0
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(name, () => {
    // One Ctrl-C under `npm run` comes twice: from the terminal, and passed on by npm.
    const isEcho = performance.now() - askedAt < 100
    // Asked again: at once. PostgreSQL's janitor cleans up behind us.
    if (stop.signal.aborted && !isEcho) process.exit(130)
    askedAt = performance.now()
    stop.abort()
  })
}

try {
  const options = readCommandLine(process.argv.slice(2))
  if (cluster.isWorker) await untilStopped(await startWorker(stop.signal))
  else if (options.help) console.log(USAGE)
  else await run(options)
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}

// Whatever a troubled route has left behind must not keep the process.
process.exit()

/** @param {import('./command-line.js').Options} options */
async function run(options) {
  const say = options.json ? () => {} : console.log
  say('Starting PostgreSQL and the shop …')
  const shop = await (options.workers > 1 ? startWorkers : startShop)(options, stop.signal)
  console.log(options.json ? JSON.stringify(shop.urls) : greeting(shop.urls, options))
  await untilStopped(shop, () => say('\nStopping …'))
}

/** @param {import('./start-shop.js').RunningShop} shop */
async function untilStopped(shop, stopping = () => {}) {
  const stopped = new Promise(resolve => stop.signal.addEventListener('abort', resolve))
  const reason = await Promise.race([stopped, shop.broken.then(() => 'broken')])
  stopping()
  await shop.stop()
  if (reason === 'broken') throw new Error('PostgreSQL ended by itself.')
}

/**
 * @param {import('./start-shop.js').RunningShop['urls']} urls
 * @param {import('./command-line.js').Options} options
 */
function greeting(urls, { traffic }) {
  return `
  The shop is open.

    Shop      ${urls.app}
    Trouble   ${urls.app}trouble   (routes that misbehave on purpose)
    Customers ${traffic ? 'come by themselves (--traffic off to send them away)' : 'none (--traffic on)'}
    Stop      Ctrl-C

    Panel     ${urls.panel}
`
}
