import { expect, test, vi } from 'vitest'
import { paced } from './paced.ts'

/** Frames as a browser draws them, 16 ms apart, on a clock of the test's own. */
async function drawnAt(asks: readonly number[], costMs: number): Promise<number[]> {
  const clock = vi.spyOn(performance, 'now')
  try {
    const callbacks: ((at: number) => void)[] = []
    const frame = paced(callback => void callbacks.push(callback))
    const drawn: number[] = []
    for (let at = 0; at <= 1_000; at += 16) {
      let now = at
      clock.mockImplementation(() => now)
      for (const callback of callbacks.splice(0)) {
        callback(at)
        now += costMs
        await Promise.resolve()
      }
      for (const ask of asks) if (ask >= at && ask < at + 16) frame(() => void drawn.push(performance.now()))
    }
    return drawn
  } finally {
    clock.mockRestore()
  }
}

test('news after a pause are drawn in the next frame', async () => {
  expect(await drawnAt([0, 400], 1)).toEqual([16, 416])
})

test('in a flood at most each 50 ms, and where drawing is slow for a quarter of the time', async () => {
  const flood = Array.from({ length: 30 }, (_, index) => index * 16)
  const [first = 0, second = 0] = await drawnAt(flood, 1)
  expect(second - first).toBeGreaterThanOrEqual(50)
  expect(second - first).toBeLessThan(80)
  const [slow = 0, slower = 0] = await drawnAt(flood, 30)
  expect(slower - slow).toBeGreaterThanOrEqual(120)
})
