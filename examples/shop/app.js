import { fileURLToPath } from 'node:url'
import express from 'express'
import { sessions } from 'enginelight/express'
import { answerError } from './answer-error.js'
import { logAccess } from './log-access.js'
import { cart } from './routes/cart.js'
import { orders } from './routes/orders.js'
import { products } from './routes/products.js'
import { report } from './routes/report.js'
import { reviews } from './routes/reviews.js'
import { wishes } from './routes/wishes.js'
import { ShopError } from './shop-error.js'
import { trouble } from './trouble/index.js'

/**
 * The shop as an Express application. `app.locals.panelUrl` may be set once it is known; `urlOf` is where a
 * process of its own finds the databases; `app.locals.isReady` is what
 * `/ready` tells whoever balances the load.
 *
 * @param {import('./shop.js').ShopEngines} engines
 * @param {import('./orms.js').Orms} orms
 */
export function createApp(engines, orms) {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))
  app.get('/ready', (_req, res) => void res.sendStatus(app.locals.isReady ? 200 : 503))
  app.use(sessions(engines))
  app.use(express.json({ limit: '20kb' }), express.urlencoded({ limit: '20kb' }))
  app.use(logAccess)
  app.use(products, cart, orders, report, reviews(orms), wishes(orms), trouble(engines))
  app.use(req => {
    throw new ShopError(404, `There is nothing at ${req.path}.`)
  })
  app.use(answerError)
  return app
}
