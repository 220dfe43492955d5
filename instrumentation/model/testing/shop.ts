import type { EngineFacts } from '../rows.ts'
import { RequestSim, type Run } from './client-sim.ts'
import { crowd } from './crowded.ts'
import { World } from './world.ts'

/** What happens in the shop. `quiet` has engines and no request yet; `empty` not even engines. */
export const SCENES = ['busy', 'exhausted', 'crowded', 'calm', 'quiet', 'empty'] as const
export type Scene = (typeof SCENES)[number]

/** A small web shop: a replica to read from, a primary to write to, a log in autocommit. */
export function shop(scene: Scene, seed = 7): World {
  const world = new World(seed)
  if (scene === 'empty') return world
  world.engine({
    ...base,
    engine: 'reader',
    pool: 'reader#1',
    access: 'read',
    max: 8,
    min: 2,
    server: 'replica.internal:5432',
    database: 'shop',
  })
  world.engine({
    ...base,
    engine: 'writer',
    pool: 'writer#1',
    isDefault: true,
    max: 5,
    min: 2,
    transactional: true,
    server: 'primary.internal:5432',
    database: 'shop',
  })
  world.engine({
    ...base,
    engine: 'logger',
    pool: 'logger#1',
    mode: 'autocommit',
    enlist: 'independent',
    max: 2,
    min: 1,
    source: 'knex',
    owned: false,
    server: 'log.internal:5432',
    database: 'log',
  })
  if (scene === 'quiet') return world
  world.spawn(traffic(world, scene))
  if (scene === 'exhausted') world.spawn(stuckOrders(world))
  if (scene === 'crowded') crowd(world, { ...base, server: 'cluster.internal:6432', database: 'shop' })
  return world
}

const base: Omit<EngineFacts, 'engine' | 'pool' | 'server' | 'database'> = {
  transactions: 'told',
  isDefault: false,
  mode: 'transaction',
  access: 'write',
  enlist: 'atomic',
  transactional: false,
  source: 'connection',
  owned: true,
  min: 0,
  max: 10,
  checkoutTimeoutMs: 2000,
  heldWarningMs: 30_000,
  idleInTransactionWarningMs: 10_000,
}

function* traffic(world: World, scene: Scene): Run {
  const every = scene === 'calm' ? 900 : 170
  for (;;) {
    const dice = world.random()
    if (dice < 0.34) world.spawn(product(world))
    else if (dice < 0.6) world.spawn(cart(world))
    else if (dice < 0.72) world.spawn(order(world, world.between(3, 30)))
    else if (dice < 0.8) world.spawn(orders(world))
    else if (dice < 0.86) world.spawn(pay(world))
    else if (dice < 0.9) world.spawn(aborted(world))
    else if (dice < 0.93) world.spawn(health(world))
    else if (dice < 0.945 && scene !== 'calm') world.spawn(leaky(world))
    else if (dice < 0.97) world.spawn(report(world))
    else world.spawn(cart(world))
    yield world.between(every * 0.3, every * 1.7)
  }
}

/**
 * Orders that call another service with their transaction open: one after the other takes a connection and keeps it.
 */
function* stuckOrders(world: World): Run {
  yield 3000
  for (;;) {
    for (let i = 0; i < 5; i++) {
      world.spawn(order(world, world.between(6000, 9000)))
      yield 420
    }
    yield 7000
  }
}

const log = 'insert into "events" ("at", "kind", "path", "ms") values ($1, $2, $3, $4)'

function* product(world: World): Run {
  const request = new RequestSim(world, 'GET /products/:id')
  yield world.between(0.5, 3)
  yield* request.query(
    'reader',
    'select "id", "name", "price", "stock", "description", "updated_at" from "products" where "id" = $1',
    world.between(1, 14),
    'src/routes/products.ts:24',
    { rows: 1 },
  )
  yield world.between(0.3, 3)
  yield* request.query(
    'reader',
    'select "id", "author", "stars", "text" from "reviews" where "product_id" = $1 order by "created_at" desc limit $2',
    world.between(2, 40),
    'src/routes/products.ts:31',
    { rows: 10 },
  )
  yield world.between(1, 5)
  yield* request.end(200)
}

function* cart(world: World): Run {
  const request = new RequestSim(world, 'POST /cart')
  yield world.between(0.5, 4)
  const found = yield* request.query(
    'writer',
    'select * from "carts" where "customer_id" = $1 for update',
    world.between(1, 20),
    'src/routes/cart.ts:17',
    { rows: 1 },
  )
  if (!found) return yield* request.end(503, 'failed')
  yield world.between(1, 12)
  yield* request.query(
    'writer',
    'insert into "cart_items" ("cart_id", "product_id", "quantity") values ($1, $2, $3) on conflict ("cart_id", "product_id") do update set "quantity" = excluded."quantity"',
    world.between(1, 9),
    'src/routes/cart.ts:22',
    { rows: 1 },
  )
  yield* request.commit('writer', 'src/routes/cart.ts:26')
  yield* request.query('logger', log, world.between(0.5, 2), 'src/log.ts:9', { rows: 1 })
  yield* request.end(201)
}

function* order(world: World, thinkMs: number): Run {
  const request = new RequestSim(world, 'POST /orders')
  yield world.between(1, 6)
  yield* request.query(
    'reader',
    'select "id", "tier" from "customers" where "id" = $1',
    world.between(1, 8),
    'src/routes/orders.ts:38',
    { rows: 1 },
  )
  const found = yield* request.query(
    'writer',
    'select "sku", "on_hand", "reserved" from "stock" where "sku" = $1 for update',
    world.between(5, 40),
    'src/routes/orders.ts:41',
    { rows: 1 },
  )
  if (!found) return yield* request.end(503, 'failed')
  // It awaits the payment provider here, and the row stays locked.
  yield thinkMs
  yield* request.query(
    'writer',
    'insert into "orders" ("customer_id", "total", "currency") values ($1, $2, $3) returning "id"',
    world.between(2, 12),
    'src/routes/orders.ts:47',
    { rows: 1 },
  )
  yield* request.query(
    'writer',
    'update "stock" set "reserved" = "reserved" + $1 where "sku" = $2',
    world.between(1, 5),
    'src/routes/orders.ts:49',
    { rows: 1 },
  )
  yield* request.commit('writer', 'src/routes/orders.ts:52')
  yield* request.query('logger', log, 1, 'src/log.ts:9', { rows: 1 })
  yield* request.end(201)
}

/** The N+1: one query for the list, one more for each of its rows. */
function* orders(world: World): Run {
  const request = new RequestSim(world, 'GET /orders')
  yield* request.query(
    'reader',
    'select "id", "customer_id", "total", "created_at" from "orders" where "customer_id" = $1 order by "created_at" desc limit 24',
    world.between(3, 12),
    'src/routes/orders.ts:66',
    { rows: 24 },
  )
  for (let i = 0; i < 24; i++) {
    yield world.between(0.2, 1)
    yield* request.query(
      'reader',
      'select "id", "order_id", "product_id", "quantity" from "items" where "order_id" = $1',
      world.between(2, 14),
      'src/routes/orders.ts:71',
      { rows: 3 },
    )
  }
  yield world.between(3, 9)
  yield* request.end(200)
}

/** The commit that lies: an error is caught and ignored, and COMMIT is answered with ROLLBACK. */
function* pay(world: World): Run {
  const request = new RequestSim(world, 'POST /pay')
  const fails = world.random() < 0.55
  yield world.between(1, 5)
  const found = yield* request.query(
    'writer',
    'select "id", "total", "state" from "orders" where "id" = $1 for update',
    world.between(2, 20),
    'src/routes/pay.ts:70',
    { rows: 1 },
  )
  if (!found) return yield* request.end(503, 'failed')
  const error = {
    code: '23505',
    message: 'duplicate key value violates unique constraint "payments_order_id_key"',
  }
  yield* request.query(
    'writer',
    'insert into "payments" ("order_id", "amount", "reference") values ($1, $2, $3) returning "id"',
    world.between(4, 60),
    'src/routes/pay.ts:77',
    fails ? error : { rows: 1 },
  )
  yield world.between(20, fails ? 700 : 40)
  yield* request.commit('writer', 'src/routes/pay.ts:84')
  yield* request.end(200)
}

function* aborted(world: World): Run {
  const request = new RequestSim(world, 'GET /search')
  yield* request.query(
    'reader',
    'select "id", "name", ts_rank("document", to_tsquery($1)) as "rank" from "products" where "document" @@ to_tsquery($1) order by "rank" desc limit 50',
    world.between(180, 900),
    'src/routes/search.ts:12',
    { code: '57014', message: 'canceling statement due to user request' },
  )
  request.abort('reader')
  yield* request.end(null, 'aborted')
}

function* health(world: World): Run {
  const request = new RequestSim(world, 'GET /health')
  yield world.between(0.2, 1)
  yield* request.end(200)
}

/** A hold that outlives its request. */
function* leaky(world: World): Run {
  const request = new RequestSim(world, 'GET /export')
  const found = yield* request.query(
    'reader',
    'select * from "orders" where "created_at" > $1',
    world.between(60, 200),
    'src/routes/export.ts:9',
    { rows: 4210 },
  )
  if (!found) return yield* request.end(503, 'failed')
  yield* request.end(200, 'finished', ['reader'])
  yield world.between(6000, 14000)
  yield* request.endLeak('reader')
}

function* report(world: World): Run {
  const request = new RequestSim(world, 'GET /report')
  yield* request.query(
    'reader',
    'with "days" as (select date_trunc(\'day\', "created_at") as "day", sum("total") as "total" from "orders" where "created_at" > $1 group by 1) select "day", "total" from "days" order by "day"',
    world.between(400, 1600),
    'src/routes/report.ts:18',
    { rows: 90 },
  )
  const found = yield* request.query(
    'writer',
    'insert into "reports" ("name", "made_at") values ($1, now())',
    4,
    'src/routes/report.ts:31',
    { rows: 1 },
  )
  if (!found) return yield* request.end(503, 'failed')
  yield* request.commit('writer', 'src/routes/report.ts:33')
  yield* request.end(200)
}
