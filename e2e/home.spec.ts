import type { Locator, Page } from '@playwright/test'
import { expect, openPanel, test, type RunningShop } from './fixtures.ts'

const json = { headers: { accept: 'application/json' } }

const visit = (shop: RunningShop, path: string) => fetch(`${shop.app}trouble/${path}`, json)

const found = (page: Page, kind: string): Locator => page.locator(`.finding[data-kind="${kind}"]`)

test('a full pool is the first thing that the page says, with who holds it; afterwards it is still told, as over, until it is dismissed on every page', async ({
  page,
  context,
  shop,
}) => {
  await openPanel(page, shop.panel)
  const other = await context.newPage()
  await openPanel(other, shop.panel)
  const quiet = await page.locator('link[rel=icon]').getAttribute('href')
  const troubles = Array.from({ length: 4 }, () => visit(shop, 'idle-in-transaction?seconds=4'))
  const full = found(page, 'pool full').first()
  await expect(full).toContainText('writer has no free connection: 2 of 2 are held')
  const holding = await shop.admin(
    `select pid from pg_stat_activity where usename = 'shop_writer' and state = 'idle in transaction'`,
  )

  // The worst comes first, here and in both lists of engines; and it is in sight without scrolling.
  await expect(page.locator('.finding').first()).toHaveAttribute('data-kind', 'pool full')
  await expect(page.locator('section.pool').first()).toHaveAttribute('data-engine', 'writer')
  await expect(page.locator('.vital-cell').first()).toHaveAttribute('data-engine', 'writer')
  const lanes = page.locator('section.pool[data-engine=writer] .lane')
  await expect(lanes.first()).toBeInViewport()

  // Its holders are marked on their lanes, which are those that the server knows.
  const idle = found(page, 'idle in transaction').first()
  await expect(idle).toContainText(/idle-in-transaction\.js:\d+/)
  await expect(lanes.locator('.finding-mark').first()).toBeVisible()
  const pids = await lanes
    .filter({ has: page.locator('.finding-mark') })
    .evaluateAll(rows => rows.map(row => Number(row.dataset.backendPid)))
  expect(holding.map(({ pid }) => pid)).toEqual(expect.arrayContaining(pids))

  await expect(page).toHaveTitle(/^\(\d+\) /)
  expect(await page.locator('link[rel=icon]').getAttribute('href')).not.toBe(quiet)
  await expect(page.locator('.rail-count')).toHaveAttribute('data-worst', 'bad')

  // The evidence leads to the request, and the request says in its row that something was found.
  // At one moment: which of them is the first changes as they end.
  await idle.getByRole('link', { name: /idle-in-transaction/ }).dispatchEvent('click')
  await expect(page).toHaveURL(/#\/requests\/u\d+/)
  await page.keyboard.press('Escape')
  await expect(
    page
      .getByRole('link', { name: /idle-in-transaction/ })
      .locator('.finding-mark')
      .first(),
  ).toBeVisible()
  await page.keyboard.press('1')

  await Promise.all(troubles)
  // What is over is folded behind the worst of it.
  const folded = page.getByRole('button', { name: /more that are over/ })
  await expect(folded.or(full).first()).toBeVisible()
  if (await folded.isVisible()) await folded.click()
  await expect(full).toHaveAttribute('data-over', 'true')
  await expect(full).toContainText('writer had no free connection')
  await expect(full).toContainText(/\d\d:\d\d:\d\d/)
  await full.getByRole('button', { name: /^Dismiss/ }).click()
  await expect(found(page, 'pool full')).toHaveCount(0)
  await expect(found(other, 'pool full')).toHaveCount(0)

  const again = Array.from({ length: 3 }, () => visit(shop, 'idle-in-transaction?seconds=2'))
  await expect(full).toContainText('writer has no free connection')
  await expect(found(other, 'pool full')).toHaveCount(1)
  await Promise.all(again)
})

test('a sentence and the lane that it is about say the same age at every moment', async ({ page, shop }) => {
  await openPanel(page, shop.panel)
  const request = visit(shop, 'idle-in-transaction?seconds=5')
  await expect(
    found(page, 'idle in transaction').and(page.locator(':not([data-over])')).first(),
  ).toBeVisible()
  const apart = await page.evaluate(async () => {
    const seconds = (text: string | undefined) => {
      const [, number, unit] = /([\d.]+) (m?s)\b/.exec(text ?? '') ?? []
      return Number(number) / (unit === 'ms' ? 1_000 : 1)
    }
    const worst = []
    for (let i = 0; i < 30; i++) {
      await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 60)))
      const finding = document.querySelector('.finding[data-kind="idle in transaction"]:not([data-over])')
      const said = /for ([\d.]+ m?s)/.exec(
        finding?.querySelector('.finding-sentence')?.textContent ?? '',
      )?.[1]
      const lane = document.querySelector(
        'section.pool[data-engine=writer] .lane[data-tone=warn] .lane-state',
      )
      worst.push(Math.abs(seconds(said) - seconds(lane?.textContent ?? undefined)))
    }
    return Math.max(...worst)
  })
  expect(apart).toBeLessThan(0.25)
  await request
})

test('many findings of one kind are one, and the others are a click away', async ({ page, shop }) => {
  await openPanel(page, shop.panel)
  const dismissAll = page.getByRole('button', { name: 'Dismiss all that is over' })
  await page.waitForTimeout(1_200)
  if (await dismissAll.isVisible()) await dismissAll.click()
  for (let n = 0; n < 6; n++) await visit(shop, 'swallowed-error')
  const more = page.getByRole('button', { name: /5 more of this kind/ })
  await expect(more).toBeVisible()
  const all = page.locator('.finding', { hasText: 'swallowed-error' })
  const before = await all.count()
  await more.click()
  await expect(all).toHaveCount(before + 5)
})

test('slots on which nothing happens are one line, and their connections are behind it', async ({
  page,
  shop,
}) => {
  await openPanel(page, shop.panel)
  // Nothing uses it but reviews and wishes, of which there are none.
  const orm = page.locator('section.pool[data-engine=orm]')
  await expect(orm.locator('.quiet-slots')).toHaveText(/2 not open/)
  await expect(orm.locator('.lane')).toHaveCount(0)
  await orm.locator('.quiet-slots').click()
  await expect(orm.locator('.lane')).toHaveCount(2)
  await orm.locator('.lane-open').last().click()
  // An inspector has something to say about a slot that nothing holds, too.
  await expect(page.getByRole('complementary')).toContainText(/has not opened a connection/)
})
