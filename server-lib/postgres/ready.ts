import { isClosed, type PgClient } from './driver.ts'

/**
 * Calls once when the server has answered everything that was sent (true), or the connection is gone before (false). pg
 * tells of a failed statement before it has read the ReadyForQuery that follows. The returned function stops the wait.
 */
export function onReady(driver: PgClient, ready: (isOpen: boolean) => void): () => void {
  const stop = () => {
    driver.removeListener('drain', onDrain)
    driver.removeListener('end', onEnd)
  }
  const settle = (isOpen: boolean) => {
    stop()
    ready(isOpen)
  }
  const onDrain = () => settle(true)
  const onEnd = () => settle(false)
  driver.once('drain', onDrain)
  driver.once('end', onEnd)
  return stop
}

/** The same, at once where everything is answered, or nothing will be. */
export function whenReady(driver: PgClient, then: (isOpen: boolean) => void): void {
  if (isClosed(driver)) then(false)
  else if (driver.readyForQuery !== false) then(true)
  else onReady(driver, then)
}
