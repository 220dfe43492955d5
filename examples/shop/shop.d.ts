/** The rows of the shop's tables, and what the compiler should know of `req.db`. */
import type { createShopEngines } from './engines.js'

export interface ShopTables {
  products: { id: number; name: string; category: string; description: string; price_cents: number }
  stock: { product_id: number; quantity: number }
  customers: { id: number; name: string; email: string }
  coupons: { code: string; percent: number; uses_left: number }
  cart_items: { cart_id: string; product_id: number; quantity: number }
  orders: { id: number; customer_id: number; coupon: string | null; total_cents: number; created_at: Date }
  order_items: { order_id: number; product_id: number; quantity: number; price_cents: number }
  reviews: { id: number; product_id: number; customer_id: number; stars: number; words: string }
  wishes: { customer_id: number; product_id: number }
  popularity: { product_id: number; stars: string | null; wishes: number }
  payments: { order_id: number; reference: string; amount_cents: number; paid_at: Date }
}

export interface WarehouseTables {
  shelves: { id: number }
  shipments: {
    id: string
    order_id: number
    product_id: number
    quantity: number
    shelf: number
    booked_at: Date
  }
}

export interface LogTables {
  access_log: { id: string; request: string; method: string; path: string; at: Date }
  audit: { id: string; request: string; what: string; details: object; at: Date }
}

export type ShopEngines = ReturnType<typeof createShopEngines>
export type ShopDb = ShopEngines['current']

declare module 'enginelight' {
  interface Register {
    engines: ShopEngines
  }
}
