import { expectTypeOf } from 'vitest'
import type { Knex } from 'knex'
import { createEngines, engine } from '../index.ts'

interface Order {
  id: string
  code: string
  price: string | null
  at: Date
}
interface OrderInsert {
  code: string
  price?: string | number | null
  at?: Date
}
interface OrderUpdate {
  code?: string
  price?: string | number | null
}
interface Tables {
  orders: Knex.CompositeTableType<Order, OrderInsert, OrderUpdate>
  totals: Knex.CompositeTableType<{ n: number }, never, never, never>
  plain: { id: number }
}

const engines = createEngines({
  shop: engine<Tables>()({ connection: 'postgres://' }),
  reader: engine<Tables>()({ connection: 'postgres://', access: 'read' }),
})

/** Never called: it only has to compile, and each line under `@ts-expect-error` must not. */
export async function typesOfCompositeTables(): Promise<void> {
  const { shop, reader } = engines.open()

  // Reading returns a row.
  expectTypeOf(await shop('orders')).toEqualTypeOf<Order[]>()
  expectTypeOf(await shop('orders').where({ code: 'a' }).first()).toEqualTypeOf<Order | undefined>()
  expectTypeOf(await shop('orders').select('code', 'at')).toExtend<{ code: string; at: Date }[]>()
  expectTypeOf(await reader('orders').orderBy('at')).toEqualTypeOf<Order[]>()
  expectTypeOf(await shop('orders').where('price', '>', '1').pluck('code')).toEqualTypeOf<string[]>()
  // @ts-expect-error: no such column
  void shop('orders').where({ nope: 1 })

  // Inserting takes the insert type.
  await shop('orders').insert({ code: 'a' })
  await shop('orders').insert([
    { code: 'a', price: 1 },
    { code: 'b', price: null },
  ])
  await shop('orders').insert({ code: shop.raw('upper(?)', ['a']), at: shop.fn.now() })
  expectTypeOf(await shop('orders').insert({ code: 'a' }).returning('*')).toEqualTypeOf<Order[]>()
  // @ts-expect-error: code is missing
  void shop('orders').insert({ price: 1 })
  // @ts-expect-error: it is generated
  void shop('orders').insert({ code: 'a', id: '1' })
  // @ts-expect-error: a wrong type
  void shop('orders').insert({ code: 1 })

  await shop('orders').where({ id: '1' }).update({ price: 2 })
  await shop('orders').update({ price: shop.raw('price + 1') })
  // @ts-expect-error: it may not be updated
  void shop('orders').update({ at: new Date() })

  // A view is read-only.
  expectTypeOf(await shop('totals')).toEqualTypeOf<{ n: number }[]>()
  // @ts-expect-error: nothing can be inserted
  void shop('totals').insert({ n: 1 })

  expectTypeOf(await shop('plain')).toEqualTypeOf<{ id: number }[]>()
  await shop('plain').insert({ id: 1 })
}
