/** The page draws news for at most a quarter of its time, and no more often than can be seen. */
const SHARE = 4
const LEAST_MS = 50

/**
 * Calls back in an animation frame: in the next one after a pause, so that what is told is seen at once, and later while
 * much is told and drawing it takes long.
 */
export function paced(frame: (callback: (at: number) => void) => void): (draw: () => void) => void {
  let next = 0
  return draw => {
    const look = () => {
      const startedAt = performance.now()
      if (startedAt < next) return frame(look)
      draw()
      // React draws at the end of the turn, before this.
      queueMicrotask(() => {
        const spent = performance.now() - startedAt
        next = startedAt + Math.max(LEAST_MS, spent * SHARE)
      })
    }
    frame(look)
  }
}
