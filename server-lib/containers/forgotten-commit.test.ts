import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { observe } from '../channels/channels.ts'
import { createEngines, engine } from '../index.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { expectBackends, expectQuiet } from '../testing/ground-truth.ts'
import { MOUNTS, serve } from '../testing/serve.ts'
import { listen } from '../testing/story.ts'

let database: TestDatabase
let engines: ReturnType<typeof make>
let other: ReturnType<typeof make>
const make = (url: string) => {
  const pool = { max: 3 }
  return createEngines({
    main: engine()({ connection: url, pool, default: true }),
    reader: engine()({ connection: url, pool, access: 'read' }),
    log: engine()({ connection: url, pool, mode: 'autocommit', enlist: 'independent' }),
    side: engine()({ connection: url, pool, enlist: 'independent' }),
    request: engine()({ connection: url, pool, transactional: true }),
  })
}
type OurDb = typeof engines extends { current: infer D } ? D : never
beforeAll(async () => {
  database = await createDatabase(`
    create table t (name text);
    create function writes() returns int language sql as $$ insert into t values ('by a function'); select 1 $$;
  `)
  engines = make(database.url)
  other = make(database.url)
})
const warnings: string[] = []
const onWarning = (warning: Error & { code?: string }) =>
  void warnings.push(`${warning.code}: ${warning.message}`)
beforeEach(() => {
  warnings.length = 0
  process.on('warning', onWarning)
})
afterEach(async () => {
  process.off('warning', onWarning)
  await expectQuiet(database)
  await database.admin('truncate t')
})
afterAll(async () => {
  await Promise.all([engines.close(), other.close()])
  await expectBackends(database, 0)
  await database.drop()
})

/** The warnings, once the process has emitted them. */
async function told(): Promise<string[]> {
  await new Promise(resolve => setImmediate(resolve))
  return warnings
}

const LINE = 'server-lib/containers/forgotten-commit.test.ts:\\d+'
const forgotten = (name = 'main', label = 'scope', where = ` at ${LINE}`) =>
  expect.stringMatching(
    new RegExp(
      `^EL_NOT_COMMITTED: ${label} \\(u\\d+\\) has written on engine "${name}"${where} and ended without commit\\(\\): it is rolled back\\..* Call db\\.${name}\\.commit\\(\\)`,
    ),
  )

/** Each way to write, by its name. */
const WRITES: Record<string, (db: OurDb) => Promise<unknown>> = {
  builder: db => db.main('t').insert({ name: 'a' }),
  raw: db => db.main.raw("insert into t values ('a')"),
  query: db => db.main.query('insert into t values ($1)', ['a']),
  'several statements': db => db.main.query("insert into t values ('a'); select 1"),
  'a stream that returns rows': db =>
    db.main.stream("insert into t values ('a') returning name").toArray() as Promise<unknown>,
  'its knex': db => db.main.knex.transaction(trx => trx('t').insert({ name: 'a' })),
  savepoint: db => db.main.savepoint(() => db.main('t').insert({ name: 'a' })),
  schema: db => db.main.schema.createTable('u', table => table.text('name')),
  'a savepoint over all engines': db => db.savepoint(() => db.main('t').insert({ name: 'a' })),
  'a function, said so': async db => {
    await db.main.query('select writes()')
    db.markChanged('main')
  },
}

test('without an observer, the line of a builder that is not the first statement is that of the transaction', async () => {
  await engines.scope(async db => {
    await db.main.query('select 1')
    await db.main('t').insert({ name: 'a' })
  })
  await engines.scope(async db => {
    await db.main.query('select 1')
    await db.main.query("insert into t values ('a')")
  })
  expect(await told()).toEqual([
    forgotten('main', 'scope', `, in the transaction that began at ${LINE},`),
    forgotten(),
  ])
})

test.each(Object.entries(WRITES))(
  'a scope that has written by %s and not committed says so, once',
  async (_, write) => {
    for (let time = 0; time < 2; time++) await engines.scope(write)
    expect(await told()).toEqual([forgotten('main', 'scope')])
    expect(await database.admin('select * from t')).toEqual([])
  },
)

test('so does a container of its own, a session that is disposed of, and an engine that takes no part in commits', async () => {
  const db = engines.open()
  await db.main('t').insert({ name: 'a' })
  await db.end()
  await engines.scope(async inner => {
    await inner.main('t').insert({ name: 'b' })
    await inner.main[Symbol.asyncDispose]()
  })
  await engines.scope(inner => inner.side('t').insert({ name: 'c' }))
  await engines.scope(inner => inner.request('t').insert({ name: 'd' }))
  expect(await told()).toEqual([
    forgotten('main', 'open'),
    forgotten(),
    forgotten('side'),
    forgotten('request'),
  ])
})

test('knex.transaction() is told with what it is, and its own line where the statement has none', async () => {
  await engines.scope(db =>
    db.main.knex.transaction(async trx => void (await trx('t').insert({ name: 'a' }))),
  )
  expect(await told()).toEqual([
    expect.stringMatching(
      /a savepoint inside of its transaction, and commits nothing\. Call db\.main\.commit/,
    ),
  ])
})

/** Intended ends, and ends that are reported otherwise. */
const SILENT: Record<string, (db: OurDb) => Promise<unknown>> = {
  'a commit': async db => {
    await db.main('t').insert({ name: 'a' })
    await db.commit()
  },
  "the session's commit": async db => {
    await db.main('t').insert({ name: 'a' })
    await db.main.commit()
    await db.main.query('select 1')
  },
  'COMMIT as text': async db => {
    await db.main.query("insert into t values ('a')")
    await db.main.query('commit')
  },
  'a rollback': async db => {
    await db.main('t').insert({ name: 'a' })
    await db.rollback()
    await db.main('t').select()
  },
  "the session's rollback": async db => {
    await db.main('t').insert({ name: 'a' })
    await db.main.rollback()
  },
  doom: async db => {
    await db.main('t').insert({ name: 'a' })
    db.doom()
  },
  'a throw': async db => {
    await db.main('t').insert({ name: 'a' })
    throw new Error('meant')
  },
  'reading alone': async db => {
    await db.main('t').select()
    await db.reader('t').select()
    await db.main.query('copy (select 1) to stdout').catch(() => {})
  },
  'an autocommit engine': db => db.log('t').insert({ name: 'a' }),
  'a write that hit no row': db => db.main('t').where({ name: 'none' }).update({ name: 'b' }),
  'a savepoint that was undone': db =>
    db.main
      .savepoint(async () => {
        await db.main('t').insert({ name: 'a' })
        await db.main.savepoint(() => db.main('t').insert({ name: 'b' }))
        throw new Error('meant')
      })
      .catch(() => {}),
  'a knex.transaction() that was undone': db =>
    db.main.knex
      .transaction(async trx => {
        await trx('t').insert({ name: 'a' })
        throw new Error('meant')
      })
      .catch(() => {}),
  'a savepoint over all engines that was undone': db =>
    db
      .savepoint(async () => {
        await db.main('t').insert({ name: 'a' })
        throw new Error('meant')
      })
      .catch(() => {}),
}

test.each(Object.entries(SILENT))('nothing is told after %s', async (_way, work) => {
  await engines.scope(work).catch(() => {})
  expect((await told()).filter(line => line.startsWith('EL_NOT_COMMITTED'))).toEqual([])
})

test('what was written before a savepoint that was undone is told, with its line', async () => {
  await engines.scope(async db => {
    await db.main('t').insert({ name: 'a' })
    const undone = db.main.savepoint(async () => {
      await db.main('t').insert({ name: 'b' })
      throw new Error('meant')
    })
    await undone.catch(() => {})
  })
  expect(await told()).toEqual([forgotten()])
})

/** One line for each mount, because a line is reported once. */
const insertBehind: Record<string, (db: OurDb, name: string) => Promise<unknown>> = {
  express: (db, name) => db.main('t').insert({ name }),
  'node:http': (db, name) => db.main('t').insert({ name }),
}

test.each(MOUNTS)('requests that are answered well are told of, others are not (%s)', async mount => {
  const server = await serve(mount, engines, async (request, response) => {
    const { db } = request as unknown as { db: OurDb }
    await insertBehind[mount]?.(db, request.url ?? '')
    if (request.url === '/thrown') throw new Error('meant')
    if (request.url === '/kept') await db.commit()
    response.statusCode = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 200)
    response.end('done')
  })
  for (const path of ['/kept', '/400', '/404', '/500', '/thrown']) await fetch(`${server.url}${path}`)
  await expectQuiet(database)
  expect((await told()).filter(line => line.startsWith('EL_NOT_COMMITTED'))).toEqual([])
  for (const path of ['/200', '/303', '/201']) await fetch(`${server.url}${path}`, { redirect: 'manual' })
  await expectQuiet(database)
  expect((await told()).filter(line => line.startsWith('EL_NOT_COMMITTED'))).toEqual([
    forgotten('main', 'GET /200'),
  ])
  await server.stop()
})

test.each(MOUNTS)('the same of a run that took part in a request, once for its line (%s)', async mount => {
  const server = await serve(mount, engines, async (request, response) => {
    await engines.run(db => db.main('t').insert({ name: 'a' }), { label: `a run behind ${mount}` })
    response.statusCode = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 200)
    response.end('done')
  })
  for (const path of ['/404', '/500', '/200', '/201']) await fetch(`${server.url}${path}`)
  await expectQuiet(database)
  expect((await told()).filter(line => line.startsWith('EL_NOT_COMMITTED'))).toEqual([
    expect.stringMatching(new RegExp(`The run "a run behind ${mount}" took part in .*GET /200`)),
  ])
  await server.stop()
})

test('a run that took part and changed nothing is no reason for a scope to reject', async () => {
  await engines.scope(() => engines.run(db => db.main('t').where({ name: 'nobody' }).update({ name: 'b' })))
  await engines.scope(() =>
    engines.run(async db => {
      const undone = db.main.savepoint(async () => {
        await db.main('t').insert({ name: 'a' })
        throw new Error('meant')
      })
      await undone.catch(() => {})
    }),
  )
  expect(await told()).toEqual([])
})

test('what an independent engine loses beside such a run is told by itself', async () => {
  const scope = engines.scope(async db => {
    await engines.run(() => db.main('t').insert({ name: 'a' }), { label: 'beside another' })
    await db.side('t').insert({ name: 'b' })
  })
  await expect(scope).rejects.toMatchObject({ code: 'EL_NOT_COMMITTED' })
  expect(await told()).toEqual([expect.stringContaining('The run "beside another"'), forgotten('side')])
})

test('a client that leaves is no forgotten commit', async () => {
  const server = await serve('express', engines, async (request, _response) => {
    const { db } = request as unknown as { db: OurDb }
    await db.main('t').insert({ name: 'a' })
    client.hangUp()
  })
  const client = server.ask('/')
  await expectQuiet(database)
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(await told()).toEqual([])
  await server.stop()
})

test('the channel says why, with the line of the first write', async () => {
  const { messages, stop } = listen('session')
  await engines.scope(async db => {
    await db.main.query('select 1')
    await db.main('t').insert({ name: 'a' })
    await db.main('t').insert({ name: 'b' })
  })
  await engines.scope(db => db.main.query('select 1'))
  stop()
  const endings = messages.filter(message => message.phase === 'ending')
  expect(endings).toEqual([
    expect.objectContaining({
      why: 'commit forgotten',
      site: { label: expect.any(String), frames: expect.anything() },
    }),
    expect.objectContaining({ why: 'finished without commit', site: null }),
  ])
  const [{ site }] = endings as unknown as [{ site: { frames: string[] } }]
  expect(site.frames[0]).toMatch(/forgotten-commit\.test\.ts/)
  expect(await told()).toEqual([
    expect.stringContaining(` at ${(site as unknown as { label: string }).label} and`),
  ])
})

test.each(MOUNTS)(
  'where a developer looks on, the head of a response says what is uncommitted (%s)',
  async mount => {
    const header = 'x-enginelight-uncommitted'
    const server = await serve(mount, engines, async (request, response) => {
      const { db } = request as unknown as { db: OurDb }
      const [, how = ''] = (request.url ?? '').split('/')
      await db.main('t').select()
      if (how !== 'read') await db.main('t').insert({ name: 'a' })
      if (how === 'two') await db.side('t').insert({ name: 'a' })
      if (how === 'kept') await db.commit()
      if (how === 'head') response.writeHead(201, ['x-own', 'yes'])
      if (how === 'fails') response.statusCode = 422
      if (how === 'written') response.write('first')
      response.end('done')
      if (how === 'late') await db.commit()
    })
    const ask = async (path: string) => {
      const answer = await fetch(`${server.url}/${path}`)
      await answer.text()
      return answer.headers.get(header)
    }
    expect(await ask('plain')).toBeNull()
    const stop = observe('enginelight:request', () => {}, { development: true })
    expect(await ask('plain')).toBe('main')
    expect(await ask('two')).toBe('main, side')
    expect(await ask('head')).toBe('main')
    expect(await ask('written')).toBe('main')
    // The response is sent before the commit.
    expect(await ask('late')).toBe('main')
    for (const path of ['read', 'kept', 'fails']) expect(await ask(path)).toBeNull()
    stop()
    expect(await ask('plain')).toBeNull()
    await server.stop()
  },
)

test('a request that commits by itself has nothing uncommitted as its head is written', async () => {
  const stop = observe('enginelight:request', () => {}, { development: true })
  const server = await serve('express', other, async (request, response) => {
    await (request as unknown as { db: OurDb }).db.request('t').insert({ name: 'a' })
    response.end('done')
  })
  const answer = await fetch(server.url)
  expect([answer.status, answer.headers.get('x-enginelight-uncommitted')]).toEqual([200, null])
  stop()
  await server.stop()
  expect(await told()).toEqual([])
})
