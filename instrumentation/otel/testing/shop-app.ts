import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { SpanKind, trace } from '@opentelemetry/api'
import knex from 'knex'
import { createEngines, engine } from '../../../server-lib/index.ts'

/**
 * An application on a real PostgreSQL (DATABASE_URL), which does not know of Enginelight's instrumentation and makes
 * its own HTTP spans. It sends `holding` while a request holds two connections, and continues when told.
 */
const url = (name: string) => `${process.env['DATABASE_URL']}?application_name=${name}`
const reports = knex({ client: 'pg', connection: url('reports'), pool: { min: 0, max: 2 } })
const engines = createEngines({
  reader: engine()({ connection: url('reader'), access: 'read' }),
  writer: engine()({ connection: url('writer'), pool: { max: 1 }, default: true }),
  logger: engine()({ connection: url('logger'), mode: 'autocommit' }),
  reports: engine()({ knex: reports }),
})

await engines.warmup()
await reports.raw('select 1')

async function serve(label: string, handle: () => Promise<unknown>): Promise<void> {
  await trace.getTracer('http').startActiveSpan(label, { kind: SpanKind.SERVER }, async span => {
    await handle().catch(() => {})
    span.end()
  })
}

await serve('POST /orders', () =>
  engines.scope(async db => {
    await db.reader('customers').where({ id: 1 }).select('name')
    await db.writer('orders').insert({ customer: 1, note: 'hunter2' })
    await db.writer.savepoint(() => db.writer.query("insert into nowhere values ('hunter2')")).catch(() => {})
    await db.logger('log').insert({ line: 'hunter2' })
    process.send?.('holding')
    await once(process, 'message')
    await db.writer.commit()
  }),
)

// Two at once on a pool of one: the second waits.
const order = () =>
  engines.scope(async db => {
    await db.writer('orders').count()
    await sleep(300)
    await db.writer.rollback()
  })
const first = serve('GET /first', order)
await sleep(20)
await Promise.all([first, serve('GET /second', order)])

await serve('GET /report', async () => {
  await reports('orders').where({ customer: 1 })
  await reports.transaction(async transaction => {
    await transaction('orders').update({ note: null })
    throw new Error('changed my mind')
  })
})

await serve('GET /broken', () => engines.scope(db => db.reader('nowhere').where({ note: 'hunter2' })))

await serve('GET /export', () =>
  engines.scope(async db => {
    let rows = 0
    for await (const _row of db.reader.stream('select generate_series(1, 1000)')) if (++rows === 10) break
  }),
)

await engines.scope(db => db.writer.raw('select 1 from orders'), { label: 'nightly job' })

await engines.close()
await reports.destroy()
process.disconnect?.()
