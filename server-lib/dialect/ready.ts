/** What tells of a connection by events: `drain` when the server has answered everything, `end` when it is gone. */
interface Draining {
  once(event: string, listener: () => void): unknown
  removeListener(event: string, listener: () => void): unknown
}

/**
 * Calls once when the server has answered everything that was sent (true), or the connection is gone before (false). pg
 * tells of a failed statement before it has read the ReadyForQuery that follows. The returned function stops the wait.
 */
export function onReady(connection: Draining, ready: (isOpen: boolean) => void): () => void {
  const stop = () => {
    connection.removeListener('drain', onDrain)
    connection.removeListener('end', onEnd)
  }
  const settle = (isOpen: boolean) => {
    stop()
    ready(isOpen)
  }
  const onDrain = () => settle(true)
  const onEnd = () => settle(false)
  connection.once('drain', onDrain)
  connection.once('end', onEnd)
  return stop
}
