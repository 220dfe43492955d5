import { expect, test } from 'vitest'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { captureSite, parseSite, siteOf, type Site } from './site.ts'

test('a site is the nearest line of the application, with its frames and without those of others', () => {
  const stack = `Error
    at Ledger.asked (${new URL('../pool/books.ts', import.meta.url).pathname}:10:5)
    at Pool.acquire (/app/node_modules/tarn/dist/Pool.js:95:14)
    at node:internal/process/task_queues:105:5
    at async placeOrder (file://${process.cwd()}/src/routes/orders.ts:41:19)
    at async /elsewhere/app/main.mjs:7:3
    at <anonymous>`
  expect(parseSite(stack)).toEqual({
    label: 'src/routes/orders.ts:41',
    frames: ['placeOrder (src/routes/orders.ts:41:19)', '<anonymous> (/elsewhere/app/main.mjs:7:3)'],
  })
  expect(parseSite('Error\n    at node:internal/timers:1:1')).toBeNull()
  expect(parseSite(undefined)).toBeNull()
})

test('a capture is read when somebody asks, and the limit of the application is left as it was', () => {
  const before = Error.stackTraceLimit
  const here = captureSite()
  expect(Error.stackTraceLimit).toBe(before)
  expect(siteOf(here)?.label).toMatch(/^server-lib\/identity\/site\.test\.ts:\d+$/)
  expect(siteOf(here)).toBe(siteOf(here))
  expect(siteOf(null)).toBeNull()
})

test('a stack is read by its frames where Node alone makes its text, and says the same', async () => {
  const source = `import { captureSite, parseSite, siteOf } from '${new URL('../../.cache/compiled/server-lib/identity/site.js', import.meta.url)}'
    class Orders {
      async place() { await null; return [1].map(() => this.look())[0] }
      look() {
        const capture = captureSite()
        const text = captureSite()
        const before = Error.prepareStackTrace
        const site = siteOf(capture)
        return [site, parseSite(text.stack), eval('siteOf(captureSite())'), capture.stack, Error.prepareStackTrace === before]
      }
    }
    const twice = [await new Orders().place(), await new Orders().place()]
    console.log(JSON.stringify(twice))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source])
  for (const [byFrames, byText, evaluated, left, isRestored] of JSON.parse(stdout)) {
    expect(byFrames.frames).toHaveLength(4)
    const places = ({ frames }: Site) => frames.map(frame => frame.replace(/:\d+:\d+\)$/, ''))
    expect(places(byFrames)).toEqual(places(byText))
    expect(evaluated).not.toBeNull()
    expect([left, isRestored]).toEqual(['', true])
  }
})

test('an application that replaced Error.prepareStackTrace is not harmed, and its lines are those of its generated files', () => {
  const prepare = Error.prepareStackTrace
  Error.prepareStackTrace = () => ({ not: 'a string' })
  try {
    expect(siteOf(captureSite())?.label).toMatch(/^server-lib\/identity\/site\.test\.ts:\d+$/)
  } finally {
    Error.prepareStackTrace = prepare
  }
})
