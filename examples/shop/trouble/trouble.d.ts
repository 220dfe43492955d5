import type { Request, Response } from 'express'
import type { ShopEngines } from '../shop.js'

/** One way to misuse a database, and what to look for in the panel. */
export interface Trouble {
  /** Below `/trouble/`. */
  path: string
  title: string
  /** What the route does wrong. */
  does: string
  /** Where the panel tells. */
  shows: string
  /** Resolves to what is answered. Throws what is answered as an error. */
  handle(req: Request, res: Response, engines: ShopEngines): Promise<object>
}
