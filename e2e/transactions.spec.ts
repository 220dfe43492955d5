import type { Locator, Page } from '@playwright/test'
import pg from 'pg'
import { expect, openPanel, test, type RunningShop } from './fixtures.ts'

const ROLES: Record<string, string> = {
  shop_reader: 'reader',
  shop_writer: 'writer',
  shop_warehouse: 'warehouse',
}

const json = { headers: { accept: 'application/json' } }

async function openTransactions(page: Page, shop: RunningShop): Promise<void> {
  await openPanel(page, shop.panel)
  await page.keyboard.press('3')
  await expect(page.getByRole('region', { name: 'In doubt' })).toHaveAttribute('aria-busy', 'false')
}

const placeOrder = (shop: RunningShop) =>
  fetch(`${shop.app}orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ customerId: 1, items: [{ productId: 9, quantity: 1 }] }),
  })

/** The locks that are shown, as `mode on table`. */
const shownLocks = async (within: Locator) =>
  (
    await within
      .locator('[title*="Lock on "]')
      .evaluateAll(tags => tags.map(tag => (tag as HTMLElement).title))
  )
    .flatMap(title => title.split('\n'))
    .toSorted()

const LOCKS = `select distinct l.mode || ' on ' || c.relname as lock from pg_locks l join pg_class c on c.oid = l.relation
  where c.relkind <> 'i' and l.locktype = 'relation' and`

test('what is open, since when and with which locks is what pg_stat_activity and pg_locks say', async ({
  page,
  shop,
}) => {
  await openTransactions(page, shop)
  // Of an engine that borrows it is not known yet where it will.
  const heading = { name: /^Nothing is open\. Nothing is (known to be )?in doubt\./ }
  await expect(page.getByRole('heading', heading)).toBeVisible()
  const request = fetch(`${shop.app}trouble/idle-in-transaction?seconds=6`, json)
  const open = page.getByRole('list', { name: 'Open transactions, oldest first' }).getByRole('listitem')
  await expect(open).toHaveCount(1)
  const row = open.getByRole('link')
  await expect(row.locator('[title*="Lock on "]')).toBeVisible()
  const backends = (await shop.admin(
    `select pid, usename, extract(epoch from now() - xact_start) as age from pg_stat_activity where state = 'idle in transaction'`,
  )) as { pid: number; usename: string; age: string }[]
  expect(backends).toHaveLength(1)
  const [{ pid, usename, age }] = backends as [(typeof backends)[0]]
  expect(await row.getAttribute('data-pid')).toBe(String(pid))
  expect(await row.getAttribute('data-engine')).toBe(ROLES[usename])
  const shownAge = Number(/([\d.]+) (m?s)/.exec(await row.innerText())?.[1])
  expect(Math.abs((shownAge > 50 ? shownAge / 1000 : shownAge) - Number(age))).toBeLessThan(1)
  const locks = await shop.admin(`${LOCKS} l.pid = $1 order by 1`, [pid])
  expect(await shownLocks(row)).toEqual(locks.map(({ lock }) => lock))
  await expect(row).toContainText(/idle \d/)
  await expect(row).toContainText(/idle-in-transaction\.js:\d+/)
  expect((await request).status).toBe(200)
  await expect(open).toHaveCount(0)
  const ended = page.locator(`[data-pid="${pid}"]`).first()
  await expect(ended).toHaveAttribute('data-fate', 'committed')
})

test('a commit over two databases is drawn with its steps, and leads to its request and its connection', async ({
  page,
  shop,
}) => {
  expect((await placeOrder(shop)).status).toBe(201)
  await openTransactions(page, shop)
  await page.keyboard.press('/')
  await page.keyboard.type('two-phase engine:writer')
  await page
    .getByRole('link', { name: /POST \/orders/ })
    .first()
    .click()
  const commit = page.getByRole('region', { name: 'Commit' })
  await expect(commit).toHaveAttribute('data-outcome', 'committed')
  // The last one may come when the commit has ended: nobody waits for it.
  await expect(commit.locator('tr[data-step="forget writer"]')).toBeVisible()
  expect(
    await commit.locator('tr[data-step]').evaluateAll(rows => rows.map(row => row.dataset.step)),
  ).toEqual([
    'decision writer',
    'prepare warehouse',
    'commit writer',
    'commit prepared warehouse',
    'forget writer',
  ])
  await expect(commit.locator('tr[data-step="commit writer"]')).toContainText('the decision')
  for (const engine of ['writer', 'warehouse'])
    await expect(commit.locator(`[data-engine=${engine}] [data-end]`)).toHaveText('committed')
  const detail = page.getByRole('article', { name: /^Transaction/ })
  const id = /Transaction (t\d+)/.exec((await detail.getAttribute('aria-label')) ?? '')?.[1]
  await detail.getByRole('link', { name: /slot/ }).click()
  await expect(page).toHaveURL(/#\/now\/writer%231%2F/)
  await page.goBack()
  await detail.getByRole('link', { name: /POST \/orders/ }).click()
  await expect(page).toHaveURL(/#\/requests\/u\d+/)
  // And from the request back to its last transaction on that connection.
  await page.getByRole('region', { name: 'Connections of this request' }).getByRole('link').first().click()
  await expect(page).toHaveURL(/#\/transactions\/t\d+/)
  expect(id).toMatch(/^t\d+$/)
  expect(await shop.admin('select gid from pg_prepared_xacts')).toEqual([])
})

test('outcomes are the server’s: a commit that one database refuses breaks off where it did, and so does one after a swallowed error', async ({
  page,
  shop,
}) => {
  expect((await fetch(`${shop.app}trouble/refused-commit`, json)).status).toBe(500)
  expect((await fetch(`${shop.app}trouble/swallowed-error`, json)).status).toBe(500)
  await openTransactions(page, shop)
  const of = (name: string) => page.locator('[data-transaction]').filter({ hasText: name })
  await expect(of('refused-commit')).toHaveCount(2)
  const fates = await of('refused-commit').evaluateAll(rows =>
    Object.fromEntries(rows.map(row => [row.dataset.engine, row.dataset.fate])),
  )
  expect(fates).toEqual({ writer: 'rolled back', warehouse: 'refused' })
  await of('refused-commit').and(page.locator('[data-engine=writer]')).click()
  const commit = page.getByRole('region', { name: 'Commit' })
  await expect(commit).toHaveAttribute('data-outcome', 'rolled back')
  await expect(commit.locator('tr[data-step="prepare warehouse"]')).toContainText(/23503.*broke off here/)
  await expect(commit).toContainText('EL_COMMIT_FAILED')
  await page.keyboard.press('Escape')
  const swallowed = of('swallowed-error').first()
  await expect(swallowed).toHaveAttribute('data-fate', 'refused')
  await expect(swallowed).toContainText(/a statement failed with 23505/)
  await expect(swallowed).toContainText(/swallowed-error\.js:\d+/)
})

test('what is in doubt is what pg_prepared_xacts says, with its locks, until recovery has ended it', async ({
  page,
  shop,
}) => {
  const warehouse = new pg.Client({ connectionString: shop.databases.warehouse })
  await warehouse.connect()
  await openTransactions(page, shop)
  const killed = ['prepare', 'commit'].map(after =>
    fetch(`${shop.app}trouble/killed-commit?after=${after}`, json),
  )
  for (const response of await Promise.all(killed)) expect(response.status).toBe(200)
  const doubts = page.getByRole('article', { name: 'Prepared transaction on warehouse' })
  await expect(doubts).toHaveCount(2)
  const prepared = (await warehouse.query('select gid, owner from pg_prepared_xacts order by gid')).rows
  const shown = await doubts.evaluateAll(cards => cards.map(card => card.dataset.gid))
  expect(shown.toSorted()).toEqual(prepared.map(({ gid }) => gid))
  const [{ gid, owner }] = prepared
  const [, application, key, , location] = gid.split(':')
  const card = page.locator(`[data-gid="${gid}"]`)
  for (const part of [application, key, location, owner]) await expect(card).toContainText(part)
  const locks = (
    await warehouse.query(
      `${LOCKS} l.virtualtransaction = (select x.virtualtransaction from pg_locks x join pg_prepared_xacts p
        on p.transaction = x.transactionid where p.gid = $1) order by 1`,
      [gid],
    )
  ).rows
  expect(await shownLocks(card)).toEqual(locks.map(({ lock }) => lock))
  await expect(page.getByRole('heading', { name: /2 in doubt/ })).toBeVisible()

  await expect(page.locator('[data-recovered]')).toHaveCount(2, { timeout: 20_000 })
  await expect(doubts).toHaveCount(0)
  expect((await warehouse.query('select gid from pg_prepared_xacts')).rows).toEqual([])
  const outcomes = await page.locator('[data-recovered] b').allInnerTexts()
  expect(outcomes.toSorted()).toEqual(['↺ rolled back', '✓ committed'])
  await warehouse.end()
})

test('filters and keys: an outcome, an engine, those that only read, and the way from row to row', async ({
  page,
  shop,
}) => {
  expect((await placeOrder(shop)).status).toBe(201)
  await fetch(`${shop.app}api/products`)
  await openTransactions(page, shop)
  const rows = page.locator('[data-transaction]')
  await expect(rows.first()).toBeVisible()
  const engines = () => rows.evaluateAll(all => [...new Set(all.map(row => row.dataset.engine))].toSorted())
  expect(await engines()).not.toContain('reader')
  await page.getByRole('button', { name: /that only read/ }).click()
  await expect.poll(engines).toContain('reader')
  await page.getByRole('button', { name: 'engine:warehouse' }).click()
  await expect.poll(engines).toEqual(['warehouse'])
  await page.keyboard.press('Escape')
  await page.keyboard.press('j')
  await expect(page).toHaveURL(/#\/transactions\/t\d+$/)
  const first = page.url()
  await page.keyboard.press('j')
  expect(page.url()).not.toBe(first)
  await page.keyboard.press('k')
  expect(page.url()).toBe(first)
  await page.keyboard.press('Escape')
  await expect(page).toHaveURL(/#\/transactions$/)
})
