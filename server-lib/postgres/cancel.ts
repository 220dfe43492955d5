import type { PgClient, PgWire } from './driver.ts'

const CANCEL_TIMEOUT_MS = 5_000
/** After how long it is asked once more, when the statement is still unanswered. */
const ASK_AGAIN_MS = 250

/**
 * Is told of a cancel that is on its way, and returns whether the statement that it is meant for still runs. On a host's
 * connection another may run a moment later, which is the host's.
 */
export type Cancelling = (asked: Promise<void>) => () => boolean

/**
 * Asks the server to cancel whatever the connection is running, over a second socket, as the protocol wants
 * it. It needs no login and no free connection slot, so it works on a server that is full.
 *
 * The request names the backend, not the statement: it can arrive after the statement has ended and hit the next
 * one. So whoever cancels discards the connection afterwards. Resolves when the server has taken the request, or
 * cannot be reached, or `over` is; never rejects, for the discard that follows ends the backend too.
 *
 * It can also overtake a statement that was just written, and then cancels nothing; the backend would run on, with its
 * locks, since it looks for a client that has gone only when it is done. So it is asked once more.
 */
export function cancelStatement(
  connection: PgClient,
  over?: Promise<void>,
  cancelling: Cancelling = () => () => connection.readyForQuery === false,
): Promise<void> {
  const asked = requestCancel(connection, over)
  const runs = cancelling(asked)
  const again = () => {
    if (!runs()) return
    const askedAgain = requestCancel(connection, over)
    cancelling(askedAgain)
  }
  setTimeout(again, ASK_AGAIN_MS).unref()
  return asked
}

function requestCancel(connection: PgClient, over?: Promise<void>): Promise<void> {
  if (connection.cancelRunning) return connection.cancelRunning()
  const wire = connection.connection
  const { processID, secretKey, host, port, ssl } = connection
  if (!wire || !processID || secretKey == null || !port) return Promise.resolve()
  // pg's own Connection class knows TLS and unix sockets; its constructor is reachable only from an instance.
  const Wire = wire.constructor as new (options: { ssl: unknown }) => PgWire & NodeJS.EventEmitter
  return new Promise(resolve => {
    let done = false
    const finish = () => {
      if (done) return
      done = true
      clearTimeout(timer)
      control.stream?.destroy()
      resolve()
    }
    const timer = setTimeout(finish, CANCEL_TIMEOUT_MS)
    timer.unref()
    void over?.then(finish)
    const control = new Wire({ ssl })
    control.on('error', finish)
    control.on('end', finish)
    control.once(ssl ? 'sslconnect' : 'connect', () => control.cancel?.(processID, secretKey))
    if (host?.startsWith('/')) control.connect?.(`${host}/.s.PGSQL.${port}`)
    else control.connect?.(port, host)
  })
}
