import { AsyncLocalStorage } from 'node:async_hooks'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { observe } from '../channels/channels.ts'
import { createEngines, engine, type Engines } from '../index.ts'
import { borrow, type CurrentConnection } from '../sharing/index.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { expectQuiet } from './ground-truth.ts'

/** What every host writes into, each by a model of its own. */
export const NOTES = 'create table notes (id serial primary key, body text not null unique)'

/** A database with NOTES in it for the tests of a file; after each it is quiet and empty. */
export function notesDatabase(): Pick<TestDatabase, 'name' | 'url' | 'admin' | 'backends'> {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase(NOTES)
  })
  afterEach(async () => {
    await expectQuiet(database)
    await database.admin('truncate notes restart identity')
  })
  afterAll(() => database.drop())
  return {
    get name() {
      return database.name
    },
    get url() {
      return database.url
    },
    admin: (...statement) => database.admin(...statement),
    backends: () => database.backends(),
  }
}

/** A transaction of the host, or one nested in it, driven through the host's own API. */
export interface HostTransaction {
  /** What `connectionOf` gives for what an application has in hand there. */
  connection(): ReturnType<CurrentConnection>
  /** Writes a row by the host's model. */
  insert(body: string): Promise<unknown>
  /** What the host sees, in the order of `body`. */
  bodies(): Promise<string[]>
  /** `pg_backend_pid()`, asked by the host. */
  pid(): Promise<number>
  /** The host's nested transaction: rolled back, and the error passed on, where `work` fails. */
  nested<T>(work: (inner: HostTransaction) => Promise<T>): Promise<T>
}

export interface OpenTransaction extends HostTransaction {
  commit(): Promise<unknown>
  rollback(): Promise<unknown>
}

export interface HostAdapter {
  readonly name: string
  /** Opens the host on a database with NOTES in it, with at most two connections. */
  open(database: TestDatabase): Promise<OpenHost>
}

export interface OpenHost {
  /** Its pool, where that is a pg.Pool, which an engine can watch as well. */
  readonly pool?: pg.Pool
  begin(): Promise<OpenTransaction>
  close(): Promise<unknown>
}

/** The transaction of a host that only knows `transaction(work)`, held open until it is ended from outside. */
export async function heldOpen<Tx>(
  run: (work: (tx: Tx) => Promise<void>) => Promise<unknown>,
): Promise<{ tx: Tx; commit(): Promise<unknown>; rollback(): Promise<unknown> }> {
  const back = new Error('the host rolls back')
  let end: (error?: Error) => void = () => {}
  let over: Promise<unknown> = Promise.resolve()
  const tx = await new Promise<Tx>((resolve, reject) => {
    over = run(
      tx =>
        new Promise<void>((done, failed) => {
          end = error => (error ? failed(error) : done())
          resolve(tx)
        }),
    )
    over.catch(reject)
  })
  return {
    tx,
    commit: () => (end(), over),
    rollback: () => {
      end(back)
      return over.catch((error: unknown) => {
        if (error !== back) throw error
      })
    },
  }
}

const ROUNDS = process.env.ENGINELIGHT_LONG === '1' ? 200 : 15

/** What holds for every host whose connections are borrowed, with the real library on a real server. */
export function testHost(adapter: HostAdapter): void {
  describe(`${adapter.name}: its connection is borrowed`, () => {
    let database: TestDatabase
    let host: OpenHost
    const current = new AsyncLocalStorage<HostTransaction>()
    const unended = new Set<OpenTransaction>()

    function open() {
      const from = borrow({ connection: () => current.getStore()?.connection() })
      const engines = createEngines({ host: from.engine })
      return { from, knex: from.knex, engines, db: engines.open() }
    }

    beforeAll(async () => {
      database = await createDatabase(NOTES)
      host = await adapter.open(database)
    })
    afterAll(async () => {
      await host?.close()
      await database?.drop()
    })
    afterEach(async () => {
      for (const tx of unended) await tx.rollback().catch(() => {})
      unended.clear()
      await expectQuiet(database)
      await database.admin('truncate notes restart identity')
    })

    const outside = async () =>
      (await database.admin<{ body: string }>('select body from notes order by body')).map(row => row.body)

    /** Begins a transaction of the host, and works in its context with a borrower. */
    async function within(
      work: (tx: OpenTransaction, borrower: ReturnType<typeof open>) => Promise<unknown>,
    ): Promise<void> {
      const borrower = open()
      try {
        const tx = await begin()
        await current.run(tx, () => work(tx, borrower))
      } finally {
        await borrower.db.end()
        await borrower.engines.close({ graceMs: 500 })
      }
    }

    /** One that a test leaves open, since it has failed, is rolled back after it. */
    async function begin(): Promise<OpenTransaction> {
      const tx = await host.begin()
      const ended = (end: () => Promise<unknown>) => () => (unended.delete(tx), end())
      unended.add(tx)
      return { ...tx, commit: ended(tx.commit), rollback: ended(tx.rollback) }
    }

    test('each sees what the other has written, and nobody else does', () =>
      within(async (tx, { knex, db }) => {
        await tx.insert('host')
        expect(await knex('notes').pluck('body')).toEqual(['host'])
        expect((await db.host.query('select body from notes')).rows).toEqual([{ body: 'host' }])
        await knex('notes').insert({ body: 'knex' })
        await db.host('notes').insert({ body: 'session' })
        await knex.transaction(trx => trx('notes').insert({ body: 'knex transaction' }))
        await db.host.savepoint(() => db.host('notes').insert({ body: 'session savepoint' }))
        const all = ['host', 'knex', 'knex transaction', 'session', 'session savepoint']
        expect(await tx.bodies()).toEqual(all)
        const [{ pid }] = await knex.select(knex.raw('pg_backend_pid() pid'))
        expect(pid).toBe(await tx.pid())
        expect(await outside()).toEqual([])
        await tx.commit()
        expect(await outside()).toEqual(all)
      }))

    test('the host rolls back what both have written', () =>
      within(async (tx, { knex, db }) => {
        await tx.insert('host')
        await knex('notes').insert({ body: 'knex' })
        await knex.transaction(trx => trx('notes').insert({ body: 'knex transaction' }))
        await db.host.savepoint(() => db.host('notes').insert({ body: 'session savepoint' }))
        await tx.rollback()
        expect(await outside()).toEqual([])
      }))

    test('an error of the borrower leaves the host able to commit', () =>
      within(async (tx, { knex, db }) => {
        await tx.insert('host')
        for (const attempt of [
          () => knex('notes').insert({ body: 'host' }),
          () => knex('nowhere'),
          () => knex.transaction(trx => trx('notes').insert({ body: 'host' })),
          () => db.host('notes').insert({ body: 'host' }),
          () => db.host.query('select 1/0'),
          () => db.host.savepoint(() => db.host('nowhere')),
          () => db.host.stream('select 1 / (3 - n) from generate_series(1, 5) n').toArray(),
        ]) {
          await expect(attempt()).rejects.toThrow()
          expect(await tx.bodies()).toEqual(['host'])
        }
        await tx.insert('host again')
        await tx.commit()
        expect(await outside()).toEqual(['host', 'host again'])
      }))

    test('both at once, some of ours failing: nothing of the host is lost and none of its statements fails', () =>
      within(async (tx, { knex, db }) => {
        const told = await warnings(async () => {
          for (let round = 0; round < ROUNDS; round++) {
            const [, , ...ours] = await Promise.all([
              tx.insert(`host ${round} a`).then(() => tx.insert(`host ${round} b`)),
              later(() => tx.insert(`host ${round} c`), round),
              ...[
                () => knex('notes').insert({ body: `knex ${round}` }),
                () => knex('nowhere'),
                () => db.host('notes').insert({ body: `session ${round}` }),
                () => db.host.query('select 1/0'),
                () => knex.transaction(trx => trx('notes').insert({ body: `transaction ${round}` })),
                () =>
                  knex.transaction(async trx => {
                    await trx('notes').insert({ body: `undone ${round}` })
                    await trx('nowhere')
                  }),
              ].map(one => one().then(...outcome)),
            ])
            expect(ours).toEqual([true, false, true, false, true, false])
          }
        })
        expect(told).toEqual([])
        await tx.commit()
        const all = await outside()
        const count = (start: string) => all.filter(body => body.startsWith(start)).length
        expect(['host', 'knex', 'session', 'transaction', 'undone'].map(count)).toEqual([
          3 * ROUNDS,
          ROUNDS,
          ROUNDS,
          ROUNDS,
          0,
        ])
      }))

    test('nested transactions of the host go around ours, between them and into them', () =>
      within(async (tx, { knex, db }) => {
        const no = new Error('no')
        await tx.nested(async inner => {
          await inner.insert('nested')
          await knex('notes').insert({ body: 'knex in nested' })
          await db.host.savepoint(() => db.host('notes').insert({ body: 'session in nested' }))
          await expect(knex('nowhere')).rejects.toThrow()
        })
        await knex.transaction(trx => trx('notes').insert({ body: 'between' }))
        await expect(
          tx.nested(async inner => {
            await inner.insert('undone')
            await knex('notes').insert({ body: 'undone with it' })
            await knex.transaction(trx => trx('notes').insert({ body: 'and this' }))
            throw no
          }),
        ).rejects.toBe(no)
        await knex.transaction(async trx => {
          await tx.nested(async inner => {
            await inner.insert('nested in knex')
            await trx('notes').insert({ body: 'knex around it' })
          })
        })
        await db.host
          .savepoint(async () => {
            await tx.nested(inner => inner.insert('undone by our savepoint'))
            throw no
          })
          .catch(error => expect(error).toBe(no))
        await tx.commit()
        expect(await outside()).toEqual([
          'between',
          'knex around it',
          'knex in nested',
          'nested',
          'nested in knex',
          'session in nested',
        ])
      }))

    test('once the host has ended it, nothing is sent any more', () =>
      within(async (tx, { knex, db }) => {
        await knex('notes').insert({ body: 'in time' })
        const pid = await tx.pid()
        await tx.commit()
        const attempts = [
          () => knex('notes').insert({ body: 'too late' }),
          () => db.host('notes').insert({ body: 'too late' }),
          () => db.host.savepoint(() => db.host('notes').insert({ body: 'too late' })),
          () => knex.transaction(trx => trx('notes').insert({ body: 'too late' })),
        ]
        for (const attempt of attempts)
          await expect(attempt()).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
        const next = await begin()
        expect(await next.pid(), 'the next transaction has the same connection').toBe(pid)
        await next.insert('of the next')
        for (const attempt of attempts)
          await expect(attempt()).rejects.toMatchObject({ code: 'EL_LEASE_ENDED' })
        await next.commit()
        expect(await outside()).toEqual(['in time', 'of the next'])
      }))

    test('outside of a transaction of the host there is nothing to borrow', async () => {
      const { knex, engines, db } = open()
      for (const attempt of [() => knex('notes'), () => db.host('notes')])
        await expect(attempt()).rejects.toMatchObject({ code: 'EL_NO_HOST_CONNECTION' })
      await db.end()
      await engines.close()
    })

    test('two transactions at once, one borrower: each in its own', () =>
      within(async (one, { knex, engines }) => {
        const two = await begin()
        const [first, second] = await Promise.all(
          [one, two].map((tx, at) =>
            current.run(tx, async () => {
              await using db = engines.open()
              await knex('notes').insert({ body: `of ${at}` })
              const { rows } = await db.host.query('select pg_backend_pid() pid')
              return { seen: await knex('notes').pluck('body'), own: rows[0].pid === (await tx.pid()) }
            }),
          ),
        )
        expect([first, second]).toEqual([
          { seen: ['of 0'], own: true },
          { seen: ['of 1'], own: true },
        ])
        await two.rollback()
        await one.commit()
        expect(await outside()).toEqual(['of 0'])
      }))

    test('nothing stays on the connection', () =>
      within(async (tx, { knex, db }) => {
        await tx.insert('host')
        const client = (await tx.connection()) as object
        const before = traces(client)
        await knex('notes').insert({ body: 'knex' })
        await knex.transaction(trx => trx('notes').insert({ body: 'knex transaction' }))
        await knex('nowhere').catch(() => {})
        await db.host.savepoint(() => db.host('notes'))
        await db.host.stream('select 1').toArray()
        await Promise.all([knex('notes'), tx.bodies(), db.host('notes')])
        await db.end()
        await expect.poll(() => traces(client)).toEqual(before)
        await tx.commit()
      }))

    test('the channels tell each statement once, ours with the backend of the host', async () => {
      const from = borrow({ connection: () => current.getStore()?.connection() })
      const engines: Engines<any> = createEngines({
        host: from.engine,
        ...(host.pool && { own: engine()({ pool: host.pool }) }),
      })
      const db = engines.open()
      const told: [string, string, number | null][] = []
      const stop = observe('enginelight:statement', message => {
        if (message.phase === 'start') told.push([message.engine, message.text, message.backendPid])
      })
      const tx = await begin()
      let pid = 0
      await current.run(tx, async () => {
        pid = await tx.pid()
        await from.knex.raw('select 1 as by_knex')
        await db.host!.query('select 2 as by_session')
        await from.knex.transaction(trx => trx.raw('select 3 as by_transaction'))
        await tx.insert('host')
      })
      stop()
      expect(told.filter(([, text]) => text.includes(' as by_'))).toEqual([
        ['host', 'select 1 as by_knex', pid],
        ['host', 'select 2 as by_session', pid],
        ['host', 'select 3 as by_transaction', pid],
      ])
      const inserts = told.filter(([, text]) => /insert/i.test(text))
      expect(inserts.map(([name, , on]) => [name, on])).toEqual(host.pool ? [['own', pid]] : [])
      await tx.rollback()
      await db.end()
      await engines.close({ graceMs: 500 })
    })
  })
}

const outcome = [() => true, () => false] as const

async function later<T>(work: () => Promise<T>, turns: number): Promise<T> {
  for (let turn = 0; turn < turns % 4; turn++) await new Promise(resolve => void setImmediate(resolve))
  return work()
}

/** What somebody could have left on an object: its own keys, and its listeners. */
function traces(client: object) {
  const emitter = client as Partial<NodeJS.EventEmitter>
  return {
    keys: Reflect.ownKeys(client).map(String).sort(),
    listeners: (emitter.eventNames?.() ?? []).map(name => [String(name), emitter.listenerCount?.(name)]),
    query: (client as { query?: unknown }).query,
  }
}

async function warnings(run: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = []
  const hear = (warning: Error) => void told.push(`${warning.name}: ${warning.message}`)
  process.on('warning', hear)
  try {
    await run()
    await new Promise(resolve => void setImmediate(resolve))
  } finally {
    process.removeListener('warning', hear)
  }
  return told
}
