import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { open as openByHand } from './by-hand.js'
import { open as openOurs } from './ours.js'

const UNITS = 20

/**
 * How often the servers said that they are ready again, for one unit of work on each of these: by hand, and with
 * `db.commit()`. Load changes nothing of it.
 */
export async function countRoundTrips(urls) {
  const counters = await Promise.all(urls.map(startCounter))
  const ready = () => counters.reduce((sum, counter) => sum + counter.ready(), 0)
  const count = async (open, options) => {
    const way = await open({ urls: counters.map(({ url }) => url), max: 1, ...options })
    await way.unit(1)
    // The decision row is taken away after the answer.
    await sleep(50)
    const before = ready()
    for (let unit = 0; unit < UNITS; unit++) await way.unit(unit)
    await sleep(50)
    const perUnit = (ready() - before) / UNITS
    await way.close()
    return perUnit
  }
  try {
    return {
      hand: await count(openByHand, { protocol: 'two-phase' }),
      ours: await count(openOurs, { via: 'query' }),
    }
  } finally {
    for (const counter of counters) await counter.stop()
  }
}

/** A proxy that reads what the server says, message by message, and counts each ReadyForQuery. */
async function startCounter(url) {
  const { hostname, port } = new URL(url)
  let ready = 0
  const server = createServer(client => {
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
  return { url: through.href, ready: () => ready, stop: () => new Promise(resolve => server.close(resolve)) }
}

const READY_FOR_QUERY = 'Z'.charCodeAt(0)
