import { Router } from 'express'
import { Review } from '../orms.js'
import { readNumber } from '../read-number.js'
import { ShopError } from '../shop-error.js'

/** Reviews are kept by TypeORM, and how a product is liked by us: in one transaction, on one connection. @param {import('../orms.js').Orms} orms */
export function reviews(orms) {
  const router = Router()

  router.post('/api/reviews', async (req, res) => {
    const review = {
      productId: readNumber(req.body?.productId, 'productId'),
      customerId: readNumber(req.body?.customerId, 'customerId'),
      stars: readNumber(req.body?.stars, 'stars', 5),
      words: String(req.body?.words ?? ''),
    }
    const { borrowed } = req.db
    const stars = await orms.typeorm(async manager => {
      await manager.upsert(Review, review, ['productId', 'customerId'])
      // Not committed yet, and seen by us.
      const average = await averageOf(borrowed, review.productId)
      await borrowed('popularity')
        .insert({ product_id: review.productId, stars: average })
        .onConflict('product_id')
        .merge(['stars'])
      // Refused after our own write: TypeORM rolls back, and that goes with it.
      if (review.words === '') throw new ShopError(400, 'A review needs some words.')
      return average
    })
    res.status(201).json({ productId: review.productId, stars: Number(stars) })
  })

  return router
}

/** @param {import('../shop.js').ShopDb['borrowed']} session @param {number} productId */
async function averageOf(session, productId) {
  const [row] = await session('reviews').where({ product_id: productId }).avg({ average: 'stars' })
  return /** @type {string} */ (row?.average)
}
