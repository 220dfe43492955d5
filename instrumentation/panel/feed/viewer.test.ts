import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS, Recorder } from '../recorder/index.ts'
import { Speaker } from '../testing/messages.ts'
import { Viewer, type ViewerSocket } from './viewer.ts'

let recorder: Recorder
beforeEach(() => {
  recorder = new Recorder(DEFAULT_LIMITS)
  recorder.start()
})
afterEach(() => recorder.stop())

/** A socket whose other end never reads. */
class StuckSocket implements ViewerSocket {
  bufferedAmount = 0
  readonly sent: string[] = []
  closed: number | null = null

  send(text: string): void {
    this.sent.push(text)
    this.bufferedAmount += text.length
  }

  close(code: number): void {
    this.closed = code
  }

  terminate(): void {}
}

test('what waits in a socket that nobody reads is what fits below 256 KiB and one batch more', () => {
  const socket = new StuckSocket()
  const viewer = new Viewer(socket, recorder)
  viewer.subscribe({ type: 'sub', since: null })
  const speaker = new Speaker()
  for (let number = 0; number < 5_000; number++) {
    speaker.wholeRequest(number)
    if (number % 50 === 0) viewer.pump()
  }
  expect(socket.bufferedAmount).toBeGreaterThan(256 * 1024)
  expect(socket.bufferedAmount).toBeLessThan(330 * 1024)
  expect(socket.closed).toBeNull()
})

test('a socket in which more than 1 MiB waits is closed with 1013 and written to no more', () => {
  const socket = new StuckSocket()
  const viewer = new Viewer(socket, recorder)
  viewer.subscribe({ type: 'sub', since: null })
  socket.bufferedAmount = 1024 * 1024 + 1
  const sent = socket.sent.length
  new Speaker().wholeRequest(1)
  viewer.pump()
  viewer.pump()
  viewer.send('{}')
  expect([socket.closed, socket.sent.length]).toEqual([1013, sent])
})

test('a page that has not subscribed is sent nothing', () => {
  const socket = new StuckSocket()
  const viewer = new Viewer(socket, recorder)
  new Speaker().wholeRequest(1)
  viewer.pump()
  expect(socket.sent).toEqual([])
})
