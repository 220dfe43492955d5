import { afterAll, beforeAll, expect, test } from 'vitest'
import { asker, openDemo, openEyes } from '../testing/demo.ts'

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

test.each([
  ['write-through-reader', 500, '25006'],
  ['swallowed-error', 500, 'EL_COMMIT_ROLLED_BACK'],
  ['killed', 500, 'EL_CONNECTION_LOST'],
  ['refused-commit', 500, 'EL_COMMIT_FAILED'],
  ['pool-exhausted', 503, 'EL_CHECKOUT_TIMEOUT'],
])('%s answers %i with %s', async (path, status, code) => {
  const answer = await shop.json(`/trouble/${path}`)
  expect([answer.status, answer.body.error.code]).toEqual([status, code])
  await expect.poll(() => eyes.busy('shop_writer'), { timeout: 5_000 }).toEqual([])
})

test('an error is told to a browser as a page', async () => {
  const response = await shop.ask('/trouble/swallowed-error', { headers: { accept: 'text/html' } })
  expect(response.status).toBe(500)
  expect(await response.text()).toContain('<code>EL_COMMIT_ROLLED_BACK</code>')
})

test('an exhausted pool names those who hold it', async () => {
  const { body } = await shop.json('/trouble/pool-exhausted')
  expect(body.error.holders.map((holder: { requestLabel: string }) => holder.requestLabel).sort()).toEqual([
    'import 1',
    'import 2',
    'import 3',
  ])
  await expect.poll(() => eyes.busy('shop_writer'), { timeout: 5_000 }).toEqual([])
})

test.each([
  ['n-plus-one', { orders: 20, items: expect.any(Number) }],
  ['parallel', { statements: 5, tookMs: expect.any(Number) }],
  ['read-after-write', { read: { product_id: 6, quantity: expect.any(Number) } }],
  ['plain-knex', { products: { count: '20' }, orders: { count: expect.any(String) } }],
  ['no-context', [{ count: '30' }]],
  ['late-work', { answered: true }],
])('%s answers and leaves nothing behind', async (path, body) => {
  expect(await shop.json(`/trouble/${path}`)).toEqual({ status: 200, body })
  await expect.poll(() => eyes.busy('shop_writer')).toEqual([])
  await expect.poll(() => eyes.busy('shop_reader')).toEqual([])
})

test('late work is refused', async () => {
  await shop.json('/trouble/late-work')
  await expect.poll(() => demo.output()).toContain('late work: EL_ENDED')
})

test('a stray query does not see what the transaction changed', async () => {
  const { body } = await shop.json('/trouble/stray')
  expect(body.changed).toBe(body.seenByTheOther + 1)
})

test('a slow query runs on the server for as long', async () => {
  const answer = shop.json('/trouble/slow?seconds=0.8')
  await expect
    .poll(() => eyes.busy('shop_reader'))
    .toMatchObject([{ state: 'active', query: 'select pg_sleep($1)' }])
  expect((await answer).body).toEqual({ slept: 0.8 })
})

test.each(['0', '61', 'long', '1e9'])('nobody may sleep for %s seconds', async seconds => {
  expect((await shop.json(`/trouble/slow?seconds=${seconds}`)).status).toBe(400)
})

test('a payment that is awaited in a transaction leaves it idle', async () => {
  const answer = shop.json('/trouble/idle-in-transaction')
  await expect.poll(() => eyes.busy('shop_writer')).toMatchObject([{ state: 'idle in transaction' }])
  expect((await answer).status).toBe(200)
})

test('a client that gives up has its statement cancelled', async () => {
  const answer = shop.json('/trouble/aborted')
  await expect.poll(() => eyes.busy('shop_reader')).toMatchObject([{ query: 'select pg_sleep($1)' }])
  expect((await answer).body).toEqual({ gaveUp: true })
  await expect.poll(() => eyes.busy('shop_reader')).toEqual([])
})

test('a lock is waited for by a backend that the holder blocks', async () => {
  const answer = shop.json('/trouble/lock-wait')
  await expect
    .poll(() =>
      eyes.rows(
        'shop',
        `select pid from pg_stat_activity where usename = 'shop_writer' and cardinality(pg_blocking_pids(pid)) = 1`,
      ),
    )
    .toHaveLength(1)
  const { body } = await answer
  expect(body.waitedMs).toBeGreaterThan(1_000)
})

test('killed in the middle of its commit: what is decided is committed by recovery on both databases, the rest on none', async () => {
  const truth = async () => ({
    stock: (await eyes.rows('shop', 'select quantity from stock where product_id = 12'))[0].quantity,
    shipped: (await eyes.rows('warehouse', 'select count(*)::int from shipments where order_id = 0'))[0]
      .count,
  })
  const prepared = () => eyes.rows('warehouse', 'select gid from pg_prepared_xacts')
  const before = await truth()
  for (const after of ['prepare', 'commit']) {
    const { status, body } = await shop.json(`/trouble/killed-commit?after=${after}`)
    expect([status, body]).toEqual([200, { killedAfter: after, signal: 'SIGKILL' }])
  }
  const gid = expect.stringMatching(/^enginelight:shop:.*:warehouse:/)
  expect(await prepared()).toEqual([{ gid }, { gid }])
  await expect.poll(prepared, { timeout: 15_000, interval: 100 }).toEqual([])
  expect(await truth()).toEqual({ stock: before.stock - 1, shipped: before.shipped + 1 })
}, 25_000)

test('a leak stays idle in its transaction after the request', async () => {
  expect((await shop.json('/trouble/leak')).status).toBe(200)
  await expect.poll(() => eyes.busy('shop_writer')).toMatchObject([{ state: 'idle in transaction' }])
})
