import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { Knex } from 'knex'
import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'

/** What an application can notice of its database, as lines that can be compared. */
export type Story = string[] & { drained: string[] }

const newStory = (): Story => Object.assign([], { drained: [] })

const context = new AsyncLocalStorage<string>()

/** Everything of a value that an application could look at, without what differs from one run to the next. */
function seen(value: unknown): string {
  if (value instanceof Error) {
    const own = Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'client'))
    return `${value.constructor.name} ${value.message} ${inspect(own, { sorted: true })} ${firstFrame(value)}`
  }
  return inspect(value, { depth: 6, sorted: true, breakLength: Infinity })
}

function firstFrame(error: Error): string {
  const frame = error.stack?.split('\n').find(line => line.includes('untouched-story') && line.includes(':'))
  return /untouched-story\.ts:\d+/.exec(frame ?? '')?.[0] ?? 'no frame'
}

const outcome = async (story: Story, name: string, work: () => unknown, isSettled = () => true) => {
  try {
    story.push(`${name}: ${seen(await work())}`)
  } catch (error) {
    story.push(`${name} threw: ${seen(error)}`)
  }
  // What comes by itself after a step may come late: `drain` after the rejection (pg reads the end of a failed
  // statement with its error or with a packet of its own), `remove` when the server has closed the connection.
  do await sleep(1)
  while (!isSettled())
  story.push(...story.drained.splice(0))
}

/** The same operations each time, on a pool: results, errors, callbacks, events and contexts in their order. */
export async function tellPool(pool: pg.Pool): Promise<Story> {
  const story = newStory()
  for (const event of ['connect', 'acquire', 'release', 'remove'])
    pool.on(event as 'connect', () => void story.push(`event ${event}`))
  let open = 0
  pool.on('connect', () => void (open += 1))
  pool.on('remove', () => void (open -= 1))
  let held: (pg.PoolClient & { readyForQuery?: boolean }) | undefined
  const isSettled = () => open === pool.totalCount && held?.readyForQuery !== false
  const run = (name: string, work: () => unknown) =>
    context.run(name, () => outcome(story, name, work, isSettled))
  const callback = (name: string, send: (answer: (...args: unknown[]) => void) => unknown) =>
    run(name, async () => {
      const returned: unknown[] = []
      await new Promise<void>(resolve => {
        const value = send(function (this: unknown, ...args) {
          const own = this === undefined ? 'undefined' : (this as object).constructor.name
          // In which context, contexts.test.ts says: without us it is that of another.
          story.push(`${name} called back: this ${own}, ${args.length} arguments`)
          story.push(
            ...args.map(
              arg =>
                `  ${typeof arg === 'function' ? `function ${arg.length}` : arg instanceof pg.Client ? 'client' : seen(arg)}`,
            ),
          )
          const release = args[2]
          if (typeof release === 'function') release()
          resolve()
        })
        returned.push(value)
      })
      return returned
    })

  await run('query', () => pool.query('select 1 as a'))
  await run('values', () => pool.query('select $1::text as a', ['x']))
  await run('config', () => pool.query({ text: 'select 1 as a', rowMode: 'array' }))
  await run('several', () => pool.query('select 1 as a; select 2 as b'))
  await run('syntax', () => pool.query('selec'))
  await run('awaited syntax', async () => {
    await pool.query('selec')
  })
  await run('no text', () => pool.query('' as never))
  await run('null', () => pool.query(null as never))
  await run('function', () => pool.query((() => {}) as never))
  await callback('query callback', answer => pool.query('select 1 as a', answer))
  await callback('values callback', answer => pool.query('select $1::int as a', [1], answer))
  await callback('failing callback', answer => pool.query('selec', answer))
  await callback('connect callback', answer => pool.connect(answer))

  const client = await pool.connect()
  held = client
  client.on('drain', () => void story.drained.push('client event drain'))
  const clientEvents = ['notice', 'notification', 'error', 'end']
  for (const event of clientEvents)
    client.on(event as 'notice', () => void story.push(`client event ${event}`))
  await run('client', () => client.query('select 1 as a'))
  await run('client syntax', () => client.query('selec'))
  await run('client null', () => client.query(null as never))
  await run('client config null', () => client.query({} as never))
  await run('client bad callback', () => client.query({ text: 'select 1', callback: 5 } as never))
  await callback('client callback', answer => client.query('select 1 as a', answer))
  await callback('client values callback', answer => client.query('select $1::int as a', [1], answer))
  await callback('client config callback', callback =>
    client.query({ text: 'select 1 as a', callback } as never),
  )
  await run('frozen config', async () => {
    let config: object = {}
    await new Promise<void>(resolve => {
      config = Object.freeze({
        name: 'p',
        text: 'select $1::int as a',
        values: [1],
        callback: () => resolve(),
      })
      client.query(config as never)
    })
    return Object.keys(config)
  })
  const shared: Record<string, unknown> = { text: 'select 2 as a' }
  await callback('shared config', answer => client.query(shared as never, answer as never))
  story.push(`shared config after: ${inspect(Object.getOwnPropertyDescriptors(shared))}`)
  await run('notice', () => client.query(`do $$ begin raise notice 'n'; end $$`))
  await run('transaction', async () => {
    await client.query('begin')
    await client.query('selec').catch(() => {})
    while (!isSettled()) await sleep(1)
    return client.query('commit')
  })
  await run('submittable', async () => {
    const query = new pg.Query('select 1 as a')
    const keys = Reflect.ownKeys(query).length
    const same = client.query(query) === query
    const events: string[] = []
    for (const event of ['row', 'end', 'error'] as const)
      query.on(event as 'end', () => void events.push(event))
    await new Promise(resolve => query.on('end', resolve))
    return [same, events, Reflect.ownKeys(query).length - keys]
  })
  await run('cursor', async () => {
    const cursor = new Cursor('select n from generate_series(1, 5) n')
    const keys = Reflect.ownKeys(cursor).length
    const same = client.query(cursor) === cursor
    const rows = [await cursor.read(2), await cursor.read(10)]
    await cursor.close()
    return [same, rows, Reflect.ownKeys(cursor).length - keys]
  })
  await run('stream', async () => {
    const stream = new QueryStream('select n from generate_series(1, 3) n')
    const before = Reflect.ownKeys(stream)
    const same = client.query(stream) === stream
    const rows: unknown[] = []
    for await (const row of stream) rows.push(row)
    return [same, rows, Reflect.ownKeys(stream).filter(key => !before.includes(key))]
  })
  await run('promise', () => {
    const promise = client.query('select 1 as a')
    return promise.then(() => [promise.constructor.name, inspect(Object.getOwnPropertyNames(promise))])
  })
  await run('order', async () => {
    const order: string[] = []
    const all = ['a', 'b', 'c'].map(name => client.query(`select 1 as ${name}`).then(() => order.push(name)))
    client.query('select 1', () => void order.push('callback'))
    await Promise.all([...all, client.query('select 1')])
    return order
  })
  held = undefined
  client.release()
  await run('released twice', () => client.release())
  const dead = await pool.connect()
  dead.on('error', error => void story.push(`dead: ${error.message}`))
  const gone = new Promise<void>(resolve => dead.once('end', () => resolve()))
  await run('killed', () => dead.query('select pg_terminate_backend(pg_backend_pid())'))
  await gone
  await run('after death', () => dead.query('select 1'))
  dead.release(true)
  while (!isSettled()) await sleep(1)
  story.push(`counts ${pool.totalCount} ${pool.idleCount} ${pool.waitingCount}`)
  return story
}

/** The same for a knex. */
export async function tellKnex(knex: Knex): Promise<Story> {
  const story = newStory()
  const short = (value: unknown) => (typeof value === 'string' ? value.replace(/trx\d+/, 'trx') : value)
  knex.on(
    'query',
    ({ sql }: { sql: string }) => void story.push(`event query ${short(sql)} in ${context.getStore()}`),
  )
  knex.on('query-response', (_response, { sql }: { sql: string }) => void story.push(`event response ${sql}`))
  knex.on('query-error', (error: Error) => void story.push(`event error ${error.message}`))
  const run = (name: string, work: () => unknown) => context.run(name, () => outcome(story, name, work))

  await run('builder', () => knex('t').select('id').orderBy('id'))
  await run('first', () => knex('t').first())
  await run('raw', () => knex.raw('select ?::int as a', [1]))
  await run('insert', () => knex('t').insert({ name: 'n' }).returning('name'))
  await run('schema', () => knex.schema.hasTable('t'))
  await run('failing', () => knex('nope').select())
  await run('awaited failing', async () => {
    await knex('nope').select()
  })
  await run('then', () => knex('t').then(rows => [rows.length > 0, context.getStore()]))
  await run(
    'callback',
    () =>
      new Promise(resolve =>
        knex('t')
          .count()
          .asCallback((...args: unknown[]) => resolve([args.length, context.getStore()])),
      ),
  )
  await run('stream', async () => {
    const rows: unknown[] = []
    for await (const row of knex.raw('select n from generate_series(1, 3) n').stream()) rows.push(row)
    return rows
  })
  await run('transaction', () => knex.transaction(async trx => [await trx('t').first(), context.getStore()]))
  await run('rolled back', () =>
    knex.transaction(async () => {
      throw new Error('mine')
    }),
  )
  await run('promised', async () => {
    const trx = await knex.transaction()
    await trx('t').delete()
    return [await trx.rollback(), trx.isCompleted()]
  })
  await run('nested', () => knex.transaction(trx => trx.transaction(deep => deep('t').first())))
  await run('commit of a failed', () =>
    knex.transaction(async trx => void (await trx.raw('selec').catch(() => {}))),
  )
  await run('builder text', () => [knex('t').where({ id: 1 }).toString(), Object.keys(knex('t')).toSorted()])
  await run('clone', () => knex('t').clone().select('id').toSQL().sql)
  return Object.assign(
    newStory(),
    story.map(line => line.replace(/trx\d+/g, 'trx')),
  )
}
