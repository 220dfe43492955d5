import { setTimeout as sleep } from 'node:timers/promises'
import { open as openByHand } from './by-hand.js'
import { open as openOurs } from './ours.js'
import { startCounter } from '../round-trip-counter.js'

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
