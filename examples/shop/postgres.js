import { fork } from 'node:child_process'
import { once } from 'node:events'

/**
 * A PostgreSQL server of our own, kept by a process of its own.
 *
 * @typedef {object} RunningPostgres
 * @property {number} port
 * @property {Promise<unknown>} ended Settles when the server is gone and its folder removed.
 * @property {() => Promise<void>} stop
 */

/**
 * Starts PostgreSQL on a free port. Ready in a second or two; an abort stops it, also on its way up.
 *
 * @param {AbortSignal} signal
 * @returns {Promise<RunningPostgres>}
 */
export async function startPostgres(signal) {
  signal.throwIfAborted()
  const keeper = fork(new URL('./postgres-keeper.js', import.meta.url), {
    // A Ctrl-C in the terminal reaches the whole process group; the server must outlive the last request.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(keeper, 'exit')
  const stop = async () => {
    if (keeper.connected) keeper.disconnect()
    await ended
  }
  const died = ended.then(() => ({ error: 'its process ended' }))
  const aborted = once(signal, 'abort').then(() => ({ error: 'interrupted' }))
  const told = once(keeper, 'message').then(([message]) => message)
  /** @type {{ port?: number, error?: string }} */
  const { port, error } = await Promise.race([told, died, aborted])
  if (port === undefined) {
    await stop()
    throw new Error(`PostgreSQL did not start: ${error}`)
  }
  return { port, ended, stop }
}
