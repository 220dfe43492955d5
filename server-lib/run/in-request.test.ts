import { expect, test } from 'vitest'
import { transactionGrounds, type Handler } from '../testing/transaction-server.ts'

const grounds = transactionGrounds()

/** The response to one request with this handler, and the rows that it leaves. */
async function ask(handler: Handler): Promise<[number, [string[], string[]]]> {
  const { url } = await grounds.serve('Express 5', handler)
  const { status } = await fetch(url, { method: 'POST' })
  return [status, await grounds.rows()]
}

test('a run takes part in the transaction of its request, also where the request had used nothing yet', async () => {
  const answered = await ask(async (request, response) => {
    await grounds.engines.run(async db => {
      expect(db).toBe(request.db)
      await db.writer('t').insert({ name: 'a' })
    })
    expect(await grounds.rows()).toEqual([[], []])
    await grounds.engines.run(db => db.other('t').insert({ name: 'b' }))
    response.end('done')
  })
  expect(answered).toEqual([200, [['a'], ['b']]])
})

test('one that fails dooms the request, whatever the handler makes of its error', async () => {
  const [, rows] = await ask(async (request, response) => {
    await request.db.writer('t').insert({ name: 'a' })
    await grounds.engines
      .run(async db => {
        await db.other('t').insert({ name: 'half' })
        throw new Error('no')
      })
      .catch(() => {})
    response.end('done')
  })
  expect(rows).toEqual([[], []])
})

test('propagation new commits at once, and stays when the request fails', async () => {
  const answered = await ask(async request => {
    await request.db.writer('t').insert({ name: 'a' })
    await grounds.engines.run(db => db.other('t').insert({ name: 'at once' }), { propagation: 'new' })
    throw new Error('no')
  })
  expect(answered).toEqual([500, [[], ['at once']]])
})

test('nested is undone by itself, and the request goes on', async () => {
  const answered = await ask(async (request, response) => {
    await request.db.writer('t').insert({ name: 'a' })
    const nested = grounds.engines.run(
      async db => {
        await db.writer('t').insert({ name: 'undone' })
        await db.other('t').insert({ name: 'undone' })
        throw new Error('no')
      },
      { propagation: 'nested' },
    )
    await expect(nested).rejects.toThrow('no')
    response.end('done')
  })
  expect(answered).toEqual([200, [['a'], []]])
})
