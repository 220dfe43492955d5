/**
 * What a customer may ask the shop for.
 *
 * @typedef {ReturnType<typeof import('./random.js').createRandom>} Random
 * @typedef {{ path: string, body?: object, giveUpAfterMs?: number }} Visit
 */

/** How often each is chosen, out of their sum. @type {[number, (random: Random) => Visit][]} */
const HEALTHY = [
  [30, () => ({ path: '/' })],
  [30, random => ({ path: `/products/${random.upTo(20)}` })],
  [10, () => ({ path: '/api/products' })],
  [8, random => ({ path: '/api/cart', body: { productId: random.upTo(20), quantity: random.upTo(3) } })],
  [6, () => ({ path: '/api/orders' })],
  [6, random => ({ path: `/orders/${random.upTo(240)}` })],
  [8, random => ({ path: '/orders', body: order(random) })],
  [2, () => ({ path: '/api/report' })],
  [4, random => ({ path: '/api/reviews', body: review(random) })],
  [4, random => ({ path: '/api/wishes', body: { customerId: random.upTo(30), productId: random.upTo(20) } })],
]

const SUM = HEALTHY.reduce((sum, [weight]) => sum + weight, 0)

/** Trouble comes by the clock. Often enough to be met, seldom enough for the shop to be well in between. */
export const TROUBLE = [
  { everyMs: 10_000, visit: { path: '/trouble/slow?seconds=1' } },
  { everyMs: 12_000, visit: { path: '/trouble/n-plus-one' } },
  { everyMs: 15_000, visit: { path: '/trouble/slow?seconds=20', giveUpAfterMs: 400 } },
  { everyMs: 17_000, visit: { path: '/trouble/parallel' } },
  { everyMs: 23_000, visit: { path: '/trouble/idle-in-transaction' } },
  { everyMs: 30_000, visit: { path: '/trouble/pool-exhausted' } },
  { everyMs: 41_000, visit: { path: '/trouble/swallowed-error' } },
  { everyMs: 37_000, visit: { path: '/trouble/refused-commit' } },
  { everyMs: 45_000, visit: { path: '/trouble/killed-commit' } },
  { everyMs: 70_000, visit: { path: '/trouble/killed-commit?after=commit' } },
  { everyMs: 53_000, visit: { path: '/trouble/stray' } },
  { everyMs: 95_000, visit: { path: '/trouble/leak' } },
]

/** @param {Random} random @returns {Visit} */
export function healthyVisit(random) {
  let left = random.next() * SUM
  for (const [weight, visit] of HEALTHY) {
    left -= weight
    if (left < 0) return visit(random)
  }
  return { path: '/' }
}

/** @param {Random} random */
function review(random) {
  const words = random.oneOf(['Just right.', 'Not for me.', 'A gift, and a good one.', ''])
  return { customerId: random.upTo(30), productId: random.upTo(20), stars: random.upTo(5), words }
}

/** @param {Random} random */
function order(random) {
  const first = random.upTo(20)
  return {
    customerId: random.upTo(30),
    items: [
      { productId: first, quantity: random.upTo(2) },
      { productId: (first % 20) + 1, quantity: 1 },
    ],
    coupon: random.oneOf(['', '', 'WELCOME', 'SUMMER', 'SOLDOUT']),
  }
}
