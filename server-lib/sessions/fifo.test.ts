import { expect, test } from 'vitest'
import { Fifo } from './fifo.ts'

test('turns come one at a time in the order of asking; the first starts at once', async () => {
  const fifo = new Fifo()
  const story: string[] = []
  const ends: (() => void)[] = []
  const push = (name: string) =>
    fifo.push({
      start: done => (story.push(`start ${name}`), void ends.push(done)),
      refuse: error => story.push(`refuse ${name} ${error.message}`),
    })
  push('a')
  expect(story).toEqual(['start a'])
  push('b')
  push('c')
  push('d')
  ends[0]?.()
  ends[0]?.()
  expect(story).toEqual(['start a', 'start b'])
  fifo.refuseWaiting(new Error('over'))
  const idle = fifo.whenIdle().then(() => story.push('idle'))
  ends[1]?.()
  await idle
  expect(story).toEqual(['start a', 'start b', 'refuse c over', 'refuse d over', 'idle'])
  expect(fifo.busy).toBe(false)
})
