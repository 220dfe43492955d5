/** Ports of the loopback address. */
import { once } from 'node:events'
import { createServer } from 'node:net'

const DEFAULT_PORT = 3000

/**
 * The port that was asked for, or an error that says that it is taken; the next free one from 3000 where none was.
 *
 * @param {number | undefined} asked
 */
export async function choosePort(asked) {
  if (asked !== undefined) {
    return probe(asked).catch(cause => {
      throw new Error(`Port ${asked} cannot be had: ${cause.message}.`, { cause })
    })
  }
  for (let port = DEFAULT_PORT; port < DEFAULT_PORT + 20; port++) {
    try {
      return await probe(port)
    } catch {
      // Taken: the next one.
    }
  }
  return probe(0)
}

/** @param {number} port */
async function probe(port) {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : port
}
