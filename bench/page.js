// The page in a browser, beside a blank page or a plain list in the same browser under the same load, by turns.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chromium } from '@playwright/test'
import { findChromium } from '../scripts/browser.js'
import { frames, framesScrolling, nextFact, plainList, untilPainted } from './page/in-page.js'
import { machine } from './machine.js'
import { spreadOf } from './statistics.js'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    ms: { type: 'string', default: '2500' },
    facts: { type: 'string', default: '60' },
    rate: { type: 'string', default: '2000' },
    /** Of `load`, `facts`, `frames` and `statements`. */
    only: { type: 'string', default: 'load,facts,frames,statements' },
    json: { type: 'string' },
  },
})
const rounds = Number(flags.rounds)
const ms = Number(flags.ms)
const only = flags.only.split(',')
const STATEMENTS = 5_000

const figures = []
const add = (what, limit, values, unit = ' ms') =>
  figures.push({ what, limit, unit, measured: spreadOf(values) })

const browser = await chromium.launch({ executablePath: await findChromium() })
const application = fork(new URL('./page/application.js', import.meta.url))
try {
  const [{ url }] = await once(application, 'message')
  const ask = (what, more = {}) => application.send({ ask: what, ...more })
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const ours = await context.newPage()
  const beside = await context.newPage()
  ours.on('pageerror', error => console.error(`the page threw: ${error.message}`))
  const at = async hash => {
    await ours.bringToFront()
    await ours.evaluate(to => void (location.hash = to), hash)
  }
  if (only.includes('load')) await load(url)
  await ours.goto(url)
  await ours.locator('[data-pool]').first().waitFor()
  if (only.includes('facts')) {
    await facts(ask, at, '#/now', 'hold', 0)
    await facts(ask, at, '#/requests', 'fact', 0)
    await facts(ask, at, '#/requests', 'fact', 200)
  }
  if (only.includes('frames')) {
    ask('rate', { perSecond: Number(flags.rate) })
    await wait(10_000)
    for (const view of ['connections', 'requests', 'transactions']) await framesOf(at, view)
    ask('rate', { perSecond: 0 })
  }
  if (only.includes('statements')) await statements(ask, at)

  async function load(url) {
    const took = []
    const bytes = []
    for (let round = -1; round < rounds; round++) {
      const page = await context.newPage()
      await page.goto(url, { waitUntil: 'commit' })
      const painted = await page.evaluate(untilPainted, { selector: '[data-pool]', hash: null })
      const sent = await page.evaluate(() =>
        [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
          .filter(({ startTime, responseEnd }) => responseEnd > startTime)
          .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
      )
      if (round >= 0) took.push(painted)
      if (round >= 0) bytes.push(sent / 1000)
      await page.close()
    }
    add('first load, until the board is painted', 500, took)
    add('first load, bytes until then', 100, bytes, ' kB')
  }

  async function facts(ask, at, hash, what, rate) {
    await at(hash)
    ask('rate', { perSecond: rate })
    await wait(1_500)
    const took = []
    for (let fact = 0; fact < Number(flags.facts); fact++) {
      const painted = ours.evaluate(nextFact)
      await wait(150 + Math.random() * 300)
      ask(what)
      took.push(await painted)
    }
    ask('rate', { perSecond: 0 })
    const sorted = took.toSorted((a, b) => a - b)
    const beyond = rate === 0 ? '' : ` at ${rate} events a second`
    figures.push({
      what: `fact to pixel, p95, ${hash.slice(2)}${beyond}`,
      limit: 120,
      unit: ' ms',
      measured: { median: p95(took), low: sorted[Math.floor(sorted.length / 2)], high: sorted.at(-1) },
    })
  }

  async function framesOf(at, view) {
    const ratios = []
    const own = []
    await at(`#/${view}`)
    await wait(1_000)
    for (let round = 0; round < rounds; round++) {
      const [a, b] = await byTurns(
        async () => p95(await ours.evaluate(frames, ms)),
        async () => p95(await beside.evaluate(frames, ms)),
        round,
      )
      own.push(a)
      ratios.push(a / b)
    }
    add(`a frame, p95, ${view}`, Infinity, own)
    add(`the same / a blank page`, 1.1, ratios, '')
  }

  async function statements(ask, at) {
    await at('#/requests')
    ask('long', { statements: STATEMENTS })
    await ours.locator('[data-request="ulong"]').first().waitFor()
    await wait(1_000)
    await beside.evaluate(plainList, STATEMENTS)
    const opened = []
    const ratios = []
    for (let round = -1; round < rounds; round++) {
      await at('#/requests')
      await wait(300)
      const took = await ours.evaluate(untilPainted, {
        selector: '[data-statement]',
        hash: '#/requests/ulong',
      })
      const [a, b] = await byTurns(
        async () =>
          p95(await ours.evaluate(framesScrolling, { selector: '.request-detail', ms, pixels: 90 })),
        async () => p95(await beside.evaluate(framesScrolling, { selector: '.plain', ms, pixels: 90 })),
        round,
      )
      if (round < 0) continue
      opened.push(took)
      ratios.push(a / b)
    }
    add(`${STATEMENTS.toLocaleString('en')} statements: opens in`, 300, opened)
    add('scrolling, p95 of a frame / a plain list', 1.2, ratios, '')
  }

  async function byTurns(one, other, round) {
    const runs = [
      async () => {
        await ours.bringToFront()
        await wait(300)
        return one()
      },
      async () => {
        await beside.bringToFront()
        await wait(300)
        return other()
      },
    ]
    if (round % 2 === 0) return [await runs[0](), await runs[1]()]
    const second = await runs[1]()
    return [await runs[0](), second]
  }
} finally {
  application.disconnect()
  await browser.close()
}

console.log(`\n${Object.values(machine('–')).join(', ')}\n`)
for (const { what, limit, unit, measured } of figures) {
  const { median, low, high } = measured
  const digits = unit === '' ? 2 : 0
  const said = [median, low, high].map(value => value.toFixed(digits))
  const verdict =
    limit === Infinity ? '' : `at most ${limit}${unit}: ${median <= limit ? 'reached' : 'missed'}`
  console.log(`${what.padEnd(58)} ${`${said[0]} (${said[1]}–${said[2]})${unit}`.padEnd(24)} ${verdict}`)
}

function p95(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))]
}
