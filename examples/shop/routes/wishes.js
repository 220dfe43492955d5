import { Router } from 'express'
import { wishTable } from '../orms.js'
import { readNumber } from '../read-number.js'

/** Wishes are kept by Drizzle, and counted by us in its transaction. @param {import('../orms.js').Orms} orms */
export function wishes(orms) {
  const router = Router()

  router.post('/api/wishes', async (req, res) => {
    const wish = {
      customerId: readNumber(req.body?.customerId, 'customerId'),
      productId: readNumber(req.body?.productId, 'productId'),
    }
    const { borrowed } = req.db
    const count = await orms.drizzle(async tx => {
      await tx.insert(wishTable).values(wish).onConflictDoNothing()
      // One savepoint around both: kept together, or undone while the wish stays.
      return borrowed.savepoint(async () => {
        const [row] = await borrowed('wishes').where({ product_id: wish.productId }).count({ wishes: '*' })
        const wishes = Number(row?.wishes)
        await borrowed('popularity')
          .insert({ product_id: wish.productId, wishes })
          .onConflict('product_id')
          .merge(['wishes'])
        return wishes
      })
    })
    res.status(201).json({ productId: wish.productId, wishes: count })
  })

  return router
}
