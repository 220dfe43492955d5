const LOOPBACK_MS = 300
const FIRST_MS = 250
const LAST_MS = 10_000

const isLoopback = /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname)

/**
 * How long to wait before the next attempt. A developer's process that restarts is back within a second; elsewhere many
 * pages must not all return in the same millisecond.
 */
export const retryDelay = (attempts: number): number =>
  isLoopback ? LOOPBACK_MS : Math.min(LAST_MS, FIRST_MS * 2 ** attempts) * (0.75 + Math.random() * 0.5)
