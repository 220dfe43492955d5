// Takes the pictures of docs/ (panel.png, panel-request.png, panel-transactions.png, panel-borrowed.png) of the demo, as
// it is built: npm run build && node scripts/take-pictures.js
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from '@playwright/test'
import { findChromium } from './browser.js'

const SIZE = { width: 1440, height: 900 }
/** So much past fills the lanes, and warms the pools. */
const PAST_MS = 11_000

const shop = spawn(process.execPath, ['examples/shop/main.js', '--port', '0', '--json'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const ended = once(shop, 'exit')
try {
  const urls = await Promise.race([
    once(createInterface(shop.stdout), 'line').then(([line]) => JSON.parse(line)),
    ended.then(() => Promise.reject(new Error('The demo ended before it was ready.'))),
  ])
  const browser = await chromium.launch({
    executablePath: await findChromium(),
    args: ['--no-sandbox', '--disable-background-networking'],
  })
  try {
    await sleep(PAST_MS)
    await takeHome(browser, urls)
    await takeRequest(browser, urls)
    await takeTransactions(browser, urls)
    await takeBorrowed(browser, urls)
  } finally {
    await browser.close()
  }
} finally {
  shop.kill('SIGINT')
  await ended
}

/** One request sits idle in a transaction, two wait for its row, and customers wait for a connection. */
async function takeHome(browser, urls) {
  const page = await openPanel(browser, urls, 'light', 2)
  const troubles = [visit(urls, 'trouble/slow?seconds=5')]
  await sleep(700)
  for (let i = 0; i < 3; i++) troubles.push(visit(urls, 'trouble/idle-in-transaction?seconds=4'))
  await sleep(200)
  for (let i = 0; i < 2; i++) troubles.push(visit(urls, 'trouble/swallowed-error'))
  await page.locator('.finding[data-kind="pool full"]:not([data-over])').waitFor()
  await sleep(700)
  await page.screenshot({ path: 'docs/panel.png' })
  await Promise.all(troubles)
  await page.context().close()
}

/** A request that got no connection, with everybody who held one at that instant. */
async function takeRequest(browser, urls) {
  const page = await openPanel(browser, urls, 'dark', 1.5)
  await page.keyboard.press('2')
  await visit(urls, 'trouble/pool-exhausted')
  await page.getByRole('searchbox').fill('pool-exhausted')
  await page.getByText('GET /trouble/pool-exhausted').first().click()
  await page.getByRole('region', { name: 'Check-out failed' }).waitFor()
  await sleep(500)
  await page.screenshot({ path: 'docs/panel-request.png' })
  await page.context().close()
}

/** What a killed process has left prepared, one who waits for another's lock, and how the others ended. */
async function takeTransactions(browser, urls) {
  const page = await openPanel(browser, urls, 'light', 1.5)
  await page.keyboard.press('3')
  await visit(urls, 'trouble/refused-commit')
  await visit(urls, 'trouble/swallowed-error')
  await visit(urls, 'trouble/killed-commit')
  await sleep(3_000)
  const troubles = [
    visit(urls, 'trouble/lock-wait?seconds=6'),
    visit(urls, 'trouble/idle-in-transaction?seconds=6'),
  ]
  await page.getByText(/waits for pid/).waitFor()
  await page.screenshot({ path: 'docs/panel-transactions.png' })
  await Promise.all(troubles)
  await page.context().close()
}

/** A request in which we borrow the connection that an ORM has its transaction open on. */
async function takeBorrowed(browser, urls) {
  const page = await openPanel(browser, urls, 'light', 1.5)
  await page.keyboard.press('2')
  await page.getByRole('searchbox').fill('wishes')
  await visit(urls, 'api/wishes', { customerId: 3, productId: 9 })
  await page.getByText('POST /api/wishes').first().click()
  await page.getByText('in its host’s transaction').waitFor()
  // Until what it costs is no longer the cost of sending a new page all that was before.
  await sleep(2_000)
  await page.screenshot({ path: 'docs/panel-borrowed.png' })
  await page.context().close()
}

async function openPanel(browser, urls, colorScheme, deviceScaleFactor) {
  const context = await browser.newContext({ viewport: SIZE, deviceScaleFactor, colorScheme })
  const page = await context.newPage()
  await page.goto(urls.panel)
  await page.getByText('live', { exact: true }).waitFor()
  return page
}

async function visit(urls, path, body) {
  const headers = { accept: 'application/json', 'content-type': 'application/json' }
  const sent = body && { method: 'POST', body: JSON.stringify(body) }
  const response = await fetch(urls.app + path, { headers, ...sent })
  await response.arrayBuffer()
}
