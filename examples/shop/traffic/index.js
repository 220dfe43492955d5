import { createRandom } from './random.js'
import { healthyVisit, TROUBLE } from './visits.js'

/**
 * Customers who come by themselves, about `perSecond`, and never more than `atOnce` at a time. The same in each run
 * but for the timing. They stay away for good when the shop cannot be reached.
 *
 * @param {string} url
 * @param {{ perSecond?: number, atOnce?: number, seed?: number }} [options]
 */
export function startTraffic(url, { perSecond = 6, atOnce = 12, seed = 1 } = {}) {
  const random = createRandom(seed)
  let underWay = 0
  const due = TROUBLE.map(({ everyMs }) => performance.now() + everyMs * (0.5 + random.next() / 2))
  /** @type {NodeJS.Timeout} */
  let timer

  function next() {
    timer = setTimeout(next, ((0.5 + random.next()) * 1_000) / perSecond)
    if (underWay < atOnce) void visit(choose())
  }

  function choose() {
    const now = performance.now()
    const index = due.findIndex(at => at <= now)
    const trouble = TROUBLE[index]
    if (!trouble) return healthyVisit(random)
    due[index] = now + trouble.everyMs
    return trouble.visit
  }

  /** @param {import('./visits.js').Visit} visit */
  async function visit({ path, body, giveUpAfterMs = 30_000 }) {
    underWay++
    try {
      const response = await fetch(new URL(path, url), {
        signal: AbortSignal.timeout(giveUpAfterMs),
        ...(body && {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      })
      await response.arrayBuffer()
    } catch (error) {
      if (isRefused(error)) stop()
    } finally {
      underWay--
    }
  }

  const stop = () => clearTimeout(timer)

  next()
  return { stop }
}

/** @param {unknown} error */
function isRefused(error) {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED'
}
