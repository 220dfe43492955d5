import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import { expect, openPanel, test } from './fixtures.ts'

/** Put in before the page's own scripts, so that its Content Security Policy stays as it is. */
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

declare const axe: { run(): Promise<AxeResults> }

test.describe('axe finds nothing', () => {
  test.beforeAll(async ({ shop }) => {
    const json = { headers: { accept: 'application/json' } }
    for (const trouble of ['swallowed-error', 'refused-commit', 'n-plus-one', 'slow?seconds=0.1'])
      await fetch(`${shop.app}trouble/${trouble}`, json)
  })

  // The long tests look at each pair; the short ones at each width and each theme.
  const isLong = process.env.ENGINELIGHT_LONG === '1'
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of isLong ? [1440, 1024, 640] : colorScheme === 'light' ? [1440, 640] : [1024]) {
      test(`at ${width} px, ${colorScheme}`, async ({ browser, shop }) => {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme })
        await context.addInitScript({ path: AXE })
        const page = await context.newPage()
        await openPanel(page, shop.panel)
        const json = { headers: { accept: 'application/json' } }
        // Something wrong on the screen: a lane in a transaction that sits idle, and requests that wait.
        const troubles = Array.from({ length: 3 }, () =>
          fetch(`${shop.app}trouble/idle-in-transaction?seconds=3`, json),
        )
        await expect(page.locator('.finding[data-kind="pool full"]').first()).toBeVisible()
        const wrong: string[] = []
        const check = async (where: string) => {
          const { violations } = await page.evaluate(() => axe.run())
          for (const { id, nodes } of violations)
            wrong.push(
              `${where}: ${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ''}`).join('\n')}`,
            )
        }
        await check('now')
        await page.locator('.lane-open').first().click({ force: true })
        await expect(page.getByRole('complementary')).toBeVisible()
        await check('a lane')
        await Promise.all(troubles)
        await page.keyboard.press('Escape')
        for (const [key, row] of [
          ['2', '[data-request]'],
          ['3', '[data-transaction]'],
        ] as const) {
          await page.keyboard.press(key)
          await expect(page.locator(row).first()).toBeVisible()
          await check(`view ${key}`)
          await page.locator(row).first().click()
          await expect(page.getByRole('article').first()).toBeVisible()
          await check(`view ${key}, opened`)
          await page.keyboard.press('Escape')
        }
        for (const key of ['4', '5']) {
          await page.keyboard.press(key)
          await expect(
            page.getByRole('main').getByRole('row').or(page.getByRole('main').getByRole('listitem')).first(),
          ).toBeVisible()
          await check(`view ${key}`)
        }
        await page.keyboard.press('?')
        await check('keys')
        expect(wrong).toEqual([])
        await context.close()
      })
    }
  }
})
