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

test('any number of turns that are over at once need no more stack than one', () => {
  const fifo = new Fifo()
  let release: (() => void) | undefined
  fifo.push({ start: done => void (release = done), refuse() {} })
  let started = 0
  for (let n = 0; n < 100_000; n++) {
    fifo.push({
      start(done) {
        started++
        done()
      },
      refuse() {},
    })
  }
  release?.()
  expect(started).toBe(100_000)
  expect(fifo.busy).toBe(false)
})
