import { expect, openPanel, test } from './fixtures.ts'

const json = { headers: { accept: 'application/json' } }

test('a loop of statements: how often, serial, and in which request; the address keeps filter and selection', async ({
  page,
  shop,
}) => {
  await openPanel(page, shop.panel)
  expect((await fetch(`${shop.app}trouble/n-plus-one`, json)).status).toBe(200)
  await page.keyboard.press('4')
  await page.getByRole('combobox', { name: 'Filter the queries' }).fill('duplicates sort:duplicates')
  const row = page.locator('[data-query]').first()
  await expect(row).toContainText(/×\d+ (serial|at once)/)
  await expect(row.getByRole('link', { name: /^u\d+ GET \/trouble\/n-plus-one/ })).toBeVisible()
  const key = await row.getAttribute('data-query')
  await row.locator('.query-text a').click()
  await expect(page.getByRole('article', { name: `Query ${key}` })).toContainText(/repeat an earlier one/)

  await page.reload()
  await expect(page.getByRole('article', { name: `Query ${key}` })).toBeVisible()
  await expect(page.getByRole('combobox')).toHaveValue('duplicates sort:duplicates')
  await page.getByRole('table', { name: 'Requests with this query' }).getByRole('link').first().click()
  await expect(page.getByText(/\d+ of \d+ are duplicates/)).toBeVisible()
})

test('what a filter cannot read is told below the box, and narrows nothing', async ({ page, shop }) => {
  await openPanel(page, shop.panel)
  await fetch(`${shop.app}trouble/n-plus-one`, json)
  for (const [view, noun] of [
    ['requests', 'requests'],
    ['transactions', 'transactions'],
    ['queries', 'queries'],
  ] as const) {
    await page.evaluate(to => void (location.hash = `#/${to}`), view)
    const box = page.getByRole('combobox', { name: `Filter the ${noun}` })
    await box.fill('slow:soon foo:bar')
    await expect(page.getByText('slow:soon is left out')).toBeVisible()
    await expect(page.getByText('foo:bar is searched for as text')).toBeVisible()
    await box.fill('slow:soon')
    await expect(page.locator('.query-count')).not.toContainText(/^0 of [1-9]/)
  }
})

test('requests by route, and sorted by a column', async ({ page, shop }) => {
  await openPanel(page, shop.panel)
  await fetch(`${shop.app}trouble/n-plus-one`, json)
  await page.keyboard.press('2')
  await page.getByRole('button', { name: 'duration' }).click()
  await expect(page.getByRole('columnheader', { name: 'duration' })).toHaveAttribute(
    'aria-sort',
    'descending',
  )
  await page.getByRole('combobox').fill('by-route')
  const route = page.locator('[data-route="GET /trouble/n-plus-one"]')
  await expect(route).toBeVisible()
  await route.getByRole('link').first().click()
  await expect(page.getByRole('combobox')).toHaveValue('route:get+/trouble/n-plus-one')
})

test('Health tells the servers’ own versions, and what the process used', async ({ page, shop }) => {
  await openPanel(page, shop.panel)
  await page.keyboard.press('5')
  const [{ server_version: version }] = (await shop.admin('show server_version')) as [
    { server_version: string },
  ]
  await expect(page.getByRole('row', { name: /server of writer/ })).toContainText(version, {
    timeout: 15_000,
  })
  await expect(page.getByRole('row', { name: /own cost/ })).toContainText(/the whole process used/)
  await expect(page.getByRole('row', { name: /^(?:✓ )?ok pg / })).toBeVisible()
})
