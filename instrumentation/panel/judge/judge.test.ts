import { expect, test, vi } from 'vitest'
import { Page } from '../testing/page.ts'
import { ownPanel } from '../testing/panels.ts'
import { record, recorder, speaker } from '../testing/recording.ts'
import { Judge } from './judge.ts'
import { KeptState } from './kept-state.ts'

const keys = (judge: Judge) => judge.findings()?.flatMap(({ key, isOver }) => (isOver ? [] : [key]))

/** A hold whose request was over when the process began. */
function leak(number: number): void {
  speaker.at = 0
  speaker.request(`u${number}`)
  speaker.ask(`k${number}`, `u${number}`)
  speaker.acquire(`k${number}`, 'c1')
  speaker.requestEnd(`u${number}`)
}

/** Five similar statements in a request that runs: what is found of them does not change. */
function repeat(): void {
  speaker.request('u0')
  for (let n = 0; n < 5; n++) {
    speaker.statement(`q${n}`, 'c1', 'u0')
    speaker.statementEnd(`q${n}`)
  }
}

test('what is found follows the rows, and one that says the same stays the same', () => {
  record()
  const judge = new Judge(recorder.history)
  speaker.declare()
  speaker.connect('c1', 0)
  expect(keys(judge)).toEqual([])
  repeat()
  const [before] = judge.findings() ?? []
  leak(1)
  expect(keys(judge)).toEqual(['leak k1', 'repetition q0'])
  expect(judge.findings()?.[1]).toBe(before)
  speaker.release('k1', 'c1')
  expect(keys(judge)).not.toContain('leak k1')
})

test('a state that was overtaken by the ring is made anew, and knows what a fresh page would', () => {
  record({ ringBytes: 16 * 1024 })
  const judge = new Judge(recorder.history)
  speaker.declare()
  speaker.connect('c1', 0)
  leak(1)
  expect(keys(judge)).toEqual(['leak k1'])
  for (let number = 10; number < 1_000; number++) speaker.wholeRequest(number)
  leak(2)
  expect(keys(judge)).toEqual(expect.arrayContaining(['leak k1', 'leak k2']))
  expect(keys(new Judge(recorder.history))).toEqual(keys(judge))
})

test('it works within its time, and goes on where it stopped', () => {
  record()
  const judge = new Judge(recorder.history)
  leak(1)
  for (let number = 10; number < 3_000; number++) speaker.wholeRequest(number)
  expect(judge.findings(null, -1)).toBeNull()
  expect(keys(judge)).toEqual(['leak k1'])
})

test('a state stays as it was handed out, while the rows after it are applied', () => {
  record()
  const kept = new KeptState(recorder.history)
  leak(1)
  const before = kept.now()
  speaker.release('k1', 'c1')
  speaker.request('u2')
  expect(kept.keepUp(Infinity)).toBe(true)
  expect(before?.requests.get('u1')?.checkouts).toMatchObject([{ state: 'held' }])
  expect([...(before?.requests.keys() ?? [])]).toEqual(['u1'])
  const after = kept.now()
  expect(after?.requests.get('u1')?.checkouts).toMatchObject([{ state: 'released' }])
  expect(after?.order).toEqual(['u1', 'u2'])
})

test('a state that nothing asks for is given up', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    record()
    const made = vi.spyOn(recorder.history, 'beforeRing')
    const judge = new Judge(recorder.history)
    for (let seconds = 0; seconds < 30; seconds++) {
      judge.findings()
      vi.advanceTimersByTime(1_000)
    }
    expect(made).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(10_000)
    expect(vi.getTimerCount()).toBe(0)
    judge.findings()
    expect(made).toHaveBeenCalledTimes(2)
  } finally {
    vi.useRealTimers()
  }
})

test('a page is told of everything first, then of what has changed, and the handle knows it without a page', async () => {
  const panel = await ownPanel()
  speaker.declare()
  speaker.connect('c1', 0)
  repeat()
  leak(1)
  expect(panel.findings().map(({ key }) => key)).toEqual(['leak k1', 'repetition q0'])
  const page = await Page.open(panel.url)
  await page.until(() => page.findings.has('leak k1'))
  expect(page.findings.get('leak k1')).toMatchObject({
    kind: 'leak',
    severity: 'bad',
    about: { engine: 'writer', request: 'u1', checkout: 'k1', connection: 'c1' },
    site: 'src/orders.ts:41',
  })
  speaker.release('k1', 'c1')
  await page.until(() => page.findings.get('leak k1')?.isOver === true)
  await page.until(() => page.stats.length >= 5)
  const told = page.messages.filter(message => message.type === 'findings')
  // Everything first; then only what has changed, and nothing where nothing has.
  expect(told[0]?.found.map(({ key }) => key)).toEqual(['leak k1', 'repetition q0'])
  expect(told.slice(1).flatMap(({ found }) => found.map(({ kind }) => kind))).not.toContain(
    'duplicate statements',
  )
  expect(told.at(-1)).toMatchObject({ found: [{ key: 'leak k1', isOver: true }], over: [] })
  expect(told.length).toBeLessThanOrEqual(4)
  await page.close()
  await panel.close()
  expect(panel.findings()).toEqual([])
})

test('one page dismisses a finding for all, and a page that comes late is told of what is over', async () => {
  const panel = await ownPanel()
  speaker.declare()
  speaker.connect('c1', 0)
  leak(1)
  const page = await Page.open(panel.url)
  await page.until(() => page.findings.has('leak k1'))
  speaker.release('k1', 'c1')
  await page.until(() => page.findings.get('leak k1')?.isOver === true)
  const other = await Page.open(panel.url)
  await other.until(() => other.findings.get('leak k1')?.isOver === true)
  page.send({ type: 'dismiss', key: 'leak k1' })
  await Promise.all([page, other].map(one => one.until(() => one.findings.size === 0)))
  expect(panel.findings()).toEqual([])
  page.socket.send(JSON.stringify({ type: 'dismiss', key: 7 }))
  await page.closed
  await other.close()
})
