import { afterAll, beforeAll, expect, test } from 'vitest'
import { asker, openDemo, openEyes } from './testing/demo.ts'

let demo: Awaited<ReturnType<typeof openDemo>>
let eyes: Awaited<ReturnType<typeof openEyes>>
let shop: ReturnType<typeof asker>

beforeAll(async () => {
  demo = await openDemo('--traffic', 'off')
  eyes = await openEyes(demo.urls)
  shop = asker(demo.urls)
})
afterAll(async () => {
  await eyes?.close()
  await demo?.remove()
})

test('says on one line where everything is', () => {
  expect(demo.urls).toEqual({
    app: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/),
    panel: expect.stringContaining(`${demo.urls.app}__enginelight`),
    databases: {
      shop: expect.stringMatching(/^postgres:.*\/shop$/),
      logs: expect.stringMatching(/^postgres:.*\/logs$/),
      warehouse: expect.stringMatching(/^postgres:.*\/warehouse$/),
    },
  })
  expect(demo.output().trim().split('\n')).toHaveLength(1)
})

test.each(['/', '/products/1', '/cart', '/orders/1', '/trouble'])(
  '%s is a page that links to the panel',
  async path => {
    const response = await shop.ask(path)
    const text = await response.text()
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(text).toContain(demo.urls.panel)
    expect(text).not.toMatch(/<style|style=|<script/)
  },
)

test('lists products and orders, and streams a report', async () => {
  expect((await shop.json('/api/products')).body).toHaveLength(20)
  expect((await shop.json('/api/orders')).body).toHaveLength(50)
  const lines = (await (await shop.ask('/api/report')).text()).trim().split('\n')
  const [{ count }] = await eyes.rows('shop', 'select count(*)::int from order_items')
  expect(lines).toHaveLength(count + 1)
  await expect.poll(() => eyes.busy('shop_reader')).toEqual([])
})

test('a cart is kept by its cookie and becomes an order', async () => {
  const put = await shop.ask('/cart', {
    method: 'POST',
    body: new URLSearchParams({ productId: '9', quantity: '3' }),
    redirect: 'manual',
  })
  expect([put.status, put.headers.get('location')]).toEqual([303, '/cart'])
  const cookie = put.headers.get('set-cookie')!.split(';')[0]!
  expect(await (await shop.ask('/cart', { headers: { cookie } })).text()).toContain('Blue Pencil')
  const placed = await shop.ask('/orders', {
    method: 'POST',
    headers: { cookie, accept: 'text/html' },
    body: new URLSearchParams({ customerId: '4', coupon: 'WELCOME' }),
    redirect: 'manual',
  })
  expect(placed.status).toBe(303)
  expect(await (await shop.ask(placed.headers.get('location')!)).text()).toContain('With the coupon WELCOME')
  expect(await (await shop.ask('/cart', { headers: { cookie } })).text()).toContain('It is empty')
})

test('an order is written, paid and audited; one that cannot be filled leaves the audit alone', async () => {
  const truth = async () => ({
    stock: (await eyes.rows('shop', 'select quantity from stock where product_id = 10'))[0].quantity,
    orders: (await eyes.rows('shop', 'select count(*)::int from orders'))[0].count,
    shipments: (await eyes.rows('warehouse', 'select count(*)::int from shipments'))[0].count,
    audit: (await eyes.rows('logs', 'select what from audit order by id desc limit 1'))[0]?.what,
  })
  const before = await truth()
  const items = [{ productId: 10, quantity: 2 }]
  const { status, body } = await shop.post('/orders', { customerId: 1, items, coupon: 'SUMMER' })
  expect({ status, body }).toEqual({
    status: 201,
    body: { id: expect.any(Number), totalCents: 1840, discountPercent: 20 },
  })
  const paid = await eyes.rows('shop', `select amount_cents from payments where order_id = ${body.id}`)
  expect(paid).toEqual([{ amount_cents: 1840 }])
  const after = {
    stock: before.stock - 2,
    orders: before.orders + 1,
    shipments: before.shipments + 1,
    audit: 'order placed',
  }
  expect(await truth()).toEqual(after)

  await eyes.rows('shop', 'update stock set quantity = 1 where product_id = 11')
  const refused = await shop.post('/orders', {
    customerId: 1,
    items: [...items, { productId: 11, quantity: 2 }],
  })
  expect([refused.status, refused.body.error.message]).toEqual([
    409,
    'Of "Bottled Ink" only 1 are left, not 2.',
  ])
  expect(await truth()).toEqual({ ...after, audit: 'order refused' })
})

test('a coupon that is used up costs its savepoint, not the order', async () => {
  const { status, body } = await shop.post('/orders', {
    customerId: 1,
    items: [{ productId: 9 }],
    coupon: 'SOLDOUT',
  })
  expect([status, body.totalCents, body.discountPercent]).toEqual([201, 260, 0])
})

test('what cannot be asked for is told with a status', async () => {
  expect((await shop.json('/products/0')).status).toBe(400)
  expect((await shop.json('/products/999')).status).toBe(404)
  expect((await shop.json('/nowhere')).status).toBe(404)
  expect((await shop.post('/orders', { customerId: 1, items: [] })).status).toBe(400)
  const twice = [{ productId: 1 }, { productId: 1 }]
  expect((await shop.post('/orders', { customerId: 1, items: twice })).status).toBe(400)
  expect((await shop.post('/api/cart', { productId: 1, quantity: 99 })).status).toBe(400)
})

test('every request is in the access log, under the id that it has in the panel', async () => {
  await shop.json('/api/orders')
  expect(
    await eyes.rows('logs', 'select request, method, path from access_log order by id desc limit 1'),
  ).toEqual([{ request: expect.stringMatching(/^u\d+$/), method: 'GET', path: '/api/orders' }])
})
