import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startDeadline } from './deadline.ts'
import { stall } from '../testing/stall.ts'

/** How long a deadline takes to pass, in milliseconds, while `meanwhile` runs. */
async function passedAfter(afterMs: number, meanwhile: () => Promise<void> | void): Promise<number> {
  const startedAt = performance.now()
  const passed = new Promise<number>(resolve => {
    startDeadline(afterMs, () => resolve(performance.now() - startedAt))
  })
  await meanwhile()
  return passed
}

test('a deadline of a live loop passes when it is due', async () => {
  for (const afterMs of [1, 30, 250]) {
    const passed = await passedAfter(afterMs, () => {})
    expect(passed).toBeGreaterThan(afterMs - 2)
    expect(passed).toBeLessThan(afterMs + 400)
  }
})

test.each([
  ['at its start', 0],
  ['in its middle', 150],
  ['at its end', 280],
])('a stall %s is not counted', async (_when, afterMs) => {
  const passed = await passedAfter(300, async () => {
    await sleep(afterMs)
    stall(400)
  })
  expect(passed).toBeGreaterThan(550)
  expect(passed).toBeLessThan(850)
})

test('a loop that stands still again and again does not put it off for ever', async () => {
  const stalling = setInterval(stall, 1, 120)
  const passed = await passedAfter(300, () => {})
  clearInterval(stalling)
  expect(passed).toBeLessThan(3_000)
})

test('a deadline that is stopped does not pass', async () => {
  let passed = 0
  const deadline = startDeadline(20, () => void passed++)
  stall(30)
  deadline.stop()
  const other = startDeadline(120, () => void passed++)
  await sleep(110)
  other.stop()
  await sleep(150)
  expect(passed).toBe(0)
})
