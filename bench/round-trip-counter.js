import { connect, createServer } from 'node:net'

/** A proxy that reads what the server says, message by message, and counts each ReadyForQuery. */
export async function startCounter(url) {
  const { hostname, port } = new URL(url)
  let ready = 0
  let connections = 0
  const server = createServer(client => {
    connections++
    const upstream = connect(Number(port), hostname)
    let rest = Buffer.alloc(0)
    upstream.on('data', chunk => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
        if (rest[0] === READY_FOR_QUERY) ready++
        rest = rest.subarray(rest.readInt32BE(1) + 1)
      }
      client.write(chunk)
    })
    client.on('data', chunk => upstream.write(chunk))
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const through = new URL(url)
  through.port = String(server.address().port)
  return {
    url: through.href,
    ready: () => ready,
    connections: () => connections,
    stop: () => new Promise(resolve => server.close(resolve)),
  }
}

const READY_FOR_QUERY = 'Z'.charCodeAt(0)
