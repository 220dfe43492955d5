import { readBoard } from './board.ts'
import { expect, openPanel, test } from './fixtures.ts'

/** The role that each engine of the shop logs in with: how the server tells their backends apart. */
const ROLES: Record<string, string> = {
  shop_reader: 'reader',
  shop_writer: 'writer',
  shop_warehouse: 'warehouse',
  shop_logger: 'logger',
  shop_orm: 'orm',
}

test('ten requests at once on pools of two: each engine, slot and pid on the screen is what the server says', async ({
  page,
  shop,
}) => {
  await openPanel(page, shop.panel)
  const requests = Array.from({ length: 10 }, () =>
    fetch(`${shop.app}trouble/slow?seconds=1.5`, { headers: { accept: 'application/json' } }),
  )
  const reader = page.getByRole('region', { name: /^reader/ })
  await expect(reader.getByText('used 2')).toBeVisible()
  await expect(reader.getByText('waiting 8')).toBeVisible()

  const waiters = reader.getByRole('list', { name: /wait/i }).getByRole('listitem')
  await expect(waiters).toHaveCount(8)

  // Two looks are never at one moment: what ends in between is looked at again.
  await expect(async () => {
    const backends = (await shop.admin(
      `select pid, usename, state, query from pg_stat_activity where usename like 'shop_%' order by pid`,
    )) as { pid: number; usename: string; state: string; query: string }[]
    const board = await readBoard(page)
    const said = board.map(({ engine, pid }) => `${engine} ${pid}`).toSorted()
    expect(said).toEqual(backends.map(({ usename, pid }) => `${ROLES[usename]} ${pid}`).toSorted())

    // Slots are those of pools of two, each taken once.
    for (const engine of ['reader', 'writer', 'warehouse', 'logger', 'orm']) {
      const slots = board.filter(lane => lane.engine === engine).map(({ slot }) => slot)
      expect(slots.every(slot => slot === 0 || slot === 1)).toBe(true)
      expect(new Set(slots).size).toBe(slots.length)
    }
    // What the board calls executing is active on the server, with the statement that is shown.
    const executing = board.filter(({ state }) => state.startsWith('executing'))
    expect(executing.map(({ pid }) => pid).toSorted()).toEqual(
      backends
        .filter(({ state }) => state === 'active')
        .map(({ pid }) => pid)
        .toSorted(),
    )
    expect(executing).toHaveLength(2)
    for (const lane of executing) {
      expect(lane.holder).toMatch(/^GET \/trouble\/slow u\d+$/)
      expect(lane.line).toMatch(/slow-query\.js:\d+$/)
    }
  }).toPass({ timeout: 5_000 })

  for (const response of await Promise.all(requests)) expect(response.status).toBe(200)
  await expect(reader.getByText('waiting 0')).toBeVisible()
})

test('a request, opened: its engines and their status, its connection and pid, its statements in order', async ({
  page,
  shop,
}) => {
  await openPanel(page, shop.panel)
  await page.keyboard.press('2')
  const request = fetch(`${shop.app}trouble/idle-in-transaction`, { headers: { accept: 'application/json' } })
  const idle = `select pid from pg_stat_activity where usename = 'shop_writer' and state = 'idle in transaction'`
  await expect.poll(() => shop.admin(idle)).toHaveLength(1)
  const [backend] = await shop.admin(idle)
  expect((await request).status).toBe(200)
  // The newest: other tests have asked this shop for the same.
  await page
    .getByRole('link', { name: /idle-in-transaction/ })
    .first()
    .click()
  const engines = page.getByRole('region', { name: 'Engines of this request' })
  const writer = engines.locator('tr[data-engine=writer]')
  await expect(writer).toContainText('ended')
  await expect(writer).toContainText('writer#1')
  await expect(engines.locator('.untouched')).toContainText('initialized')
  await expect(engines.locator('.untouched [data-engine=reader]')).toBeVisible()
  await expect(writer).toContainText(String(backend?.pid))
  await expect(writer).toContainText(/idle-in-transaction\.js:\d+/)

  const statements = await page.locator('[data-statement]').allInnerTexts()
  const text = statements.join('\n').toLowerCase()
  expect(text.indexOf('begin')).toBeGreaterThanOrEqual(0)
  expect(text.indexOf('for update')).toBeGreaterThan(text.indexOf('begin'))
  expect(text.indexOf('commit')).toBeGreaterThan(text.indexOf('for update'))
  await expect(page.getByText('req.db').first()).toBeVisible()
})

test('a connection that is borrowed has two owners, in whichever ORM’s transaction', async ({
  page,
  shop,
}) => {
  await openPanel(page, shop.panel)
  const post = (path: string, body: object) =>
    fetch(`${shop.app}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const review = { productId: 5, customerId: 7, stars: 4, words: 'Just right.' }
  expect((await post('api/reviews', review)).status).toBe(201)
  expect((await post('api/wishes', { productId: 5, customerId: 7 })).status).toBe(201)
  // Refused after our own write, so that goes with TypeORM's.
  expect((await post('api/reviews', { ...review, customerId: 8, words: '' })).status).toBe(400)

  const pids = (await shop.admin(`select pid from pg_stat_activity where usename = 'shop_orm'`)).map(
    ({ pid }) => String(pid),
  )
  await readBoard(page)
  const borrowed = page.locator('section.pool[data-engine=borrowed]')
  await expect(borrowed).toContainText('Sharing Pool borrowed#1')
  const lane = borrowed.locator('[role=row][data-backend-pid]').first()
  const pid = await lane.getAttribute('data-backend-pid')
  expect(pids).toContain(pid)
  const own = page.locator(`section.pool[data-engine=orm] [data-backend-pid="${pid}"]`)
  await expect(lane).toContainText(`= orm ${await own.getAttribute('data-connection')}`)
  await expect(own).toContainText(`= borrowed ${await lane.getAttribute('data-connection')}`)

  await page.keyboard.press('2')
  for (const path of ['/api/reviews', '/api/wishes']) {
    await page
      .getByRole('link', { name: `POST ${path}` })
      .last()
      .click()
    const engines = page.getByRole('region', { name: 'Engines of this request' })
    await expect(engines.locator('tr[data-engine=borrowed]')).toContainText(pid ?? 'no pid')
    await expect(engines.locator('tr[data-engine=orm]')).toContainText(pid ?? 'no pid')
    await expect(page.locator('.request-lane[data-engine=borrowed]')).toContainText(
      'in its host’s transaction',
    )
    await expect(page.locator('.request-lane[data-engine=orm]')).toContainText('committed')
  }
})

test('text of the application is text on the page: markup in a path and in SQL makes no element', async ({
  page,
  shop,
}) => {
  const violations: string[] = []
  page.on(
    'console',
    message =>
      void (/Content Security Policy|Trusted/.test(message.text()) && violations.push(message.text())),
  )
  await openPanel(page, shop.panel)
  await page.keyboard.press('2')
  const mark = '<img src=x onerror=document.title=1>'
  await fetch(`${shop.app}${encodeURIComponent(mark)}`)
  await fetch(`${shop.app}api/products?search=${encodeURIComponent(`<script>document.title='x'</script>`)}`)
  await expect(page.getByText(encodeURIComponent(mark).slice(0, 20)).first()).toBeVisible()
  expect(await page.locator('img[src=x], main script').count()).toBe(0)
  expect(await page.title()).not.toBe('1')
  expect(violations).toEqual([])
})

test('the token leaves the address bar, and a page without it is told what to do', async ({
  page,
  context,
  shop,
}) => {
  await openPanel(page, shop.panel)
  expect(page.url()).not.toContain('t=')
  const stranger = await context.newPage()
  await stranger.goto(shop.panel.replace(/#t=.*/, '#t=wrong-token-of-a-stranger'))
  await expect(stranger.getByText(/token|printed|restart/i).first()).toBeVisible()
  await expect(stranger.getByText('pool reader#1')).toHaveCount(0)
})

test('another site can neither frame the panel nor open its socket', async ({ page, shop }) => {
  const panel = new URL(shop.panel)
  await page.route('http://evil.example/**', route =>
    route.fulfill({ contentType: 'text/html', body: '<h1>evil</h1>' }),
  )
  await page.goto('http://evil.example/')
  const opened = await page.evaluate(
    url =>
      new Promise<string>(resolve => {
        const socket = new WebSocket(url, 'enginelight.v1')
        socket.addEventListener('open', () => resolve('open'))
        socket.addEventListener('error', () => resolve('refused'))
      }),
    `ws://${panel.host}/__enginelight/socket`,
  )
  expect(opened).toBe('refused')
  const read = await page.evaluate(
    url =>
      fetch(url).then(
        () => 'read',
        () => 'refused',
      ),
    `http://${panel.host}/__enginelight/`,
  )
  expect(read).toBe('refused')
})

test.describe('at every width, in both themes', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1440, 1024, 640]) {
      test(`${width} px, ${colorScheme}: nothing scrolls sideways and the keyboard reaches each view`, async ({
        browser,
        shop,
      }) => {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme })
        const page = await context.newPage()
        const errors: string[] = []
        page.on('pageerror', error => void errors.push(error.message))
        await page.goto(shop.panel)
        await expect(page.getByRole('region', { name: /^reader/ })).toBeVisible()
        for (const key of ['1', '2', '3', '4', '5']) {
          await page.keyboard.press(key)
          await page.waitForTimeout(200)
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          )
          expect(overflow).toBeLessThanOrEqual(0)
        }
        expect(errors).toEqual([])
        await context.close()
      })
    }
  }
})
