import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { lend } from '../../sharing/index.ts'
import { listen } from '../../testing/story.ts'
import { twoDatabases } from '../../testing/two-databases.ts'

const two = twoDatabases()
type Db = ReturnType<typeof two.engines.open>

const WAIT_MS = 300
let patient: ReturnType<typeof two.open> | undefined
/** Engines with waits short enough for a test. */
const quick = () => (patient ??= two.open({ checkoutTimeoutMs: WAIT_MS }))
afterEach(async () => {
  await patient?.close()
  patient = undefined
})

/** A gate opened by hand. Code that waits for it goes on in its own async context. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>(resolve => (open = resolve))
  return { open: () => open(), opened }
}

/** The ways in which a function is run as a unit of its own in a container. */
const UNITS: Record<string, (db: Db, fn: () => Promise<unknown>) => Promise<unknown>> = {
  'session.savepoint': (db, fn) => db.writer.savepoint(fn),
  'db.savepoint': (db, fn) => db.savepoint(fn),
  'a nested run': (_db, fn) => two.engines.run(fn, { propagation: 'nested' }),
  'knex.transaction(fn)': (db, fn) => db.writer.knex.transaction(fn),
  'knex.transaction(fn) in another': (db, fn) => db.writer.knex.transaction(trx => trx.transaction(fn)),
  'a savepoint by the handle of one': (db, fn) => db.savepoint(inner => inner.writer.savepoint(fn)),
}

/** The ways in which something is sent. */
const SENT: Record<string, (db: Db, name: string) => Promise<unknown>> = {
  builder: async (db, name) => db.writer('t').insert({ name }),
  query: (db, name) => db.writer.query('insert into t (name) values ($1)', [name]),
  raw: async (db, name) => db.writer.raw('insert into t (name) values (?)', [name]),
  'session.knex': async (db, name) => db.writer.knex('t').insert({ name }),
  stream: (db, name) => db.writer.stream('insert into t (name) values ($1) returning id', [name]).toArray(),
  savepoint: (db, name) => db.writer.savepoint(async () => db.writer('t').insert({ name })),
  'db.savepoint': (db, name) => db.savepoint(async () => db.writer('t').insert({ name })),
  'knex.transaction': (db, name) => db.writer.knex.transaction(async trx => trx('t').insert({ name })),
  'a lent pool': (db, name) =>
    lend(db.writer, { Pool: pg.Pool }).pool.query('insert into t (name) values ($1)', [name]),
}

for (const [kind, inUnit] of Object.entries(UNITS)) {
  test(`${kind}: what its context sends after it was undone is refused, in whatever way`, async () => {
    await two.engines.run(async db => {
      await db.writer('t').insert({ name: 'before' })
      const after = gate()
      const late: Promise<unknown>[] = []
      const failing = inUnit(db, async () => {
        for (const [way, send] of Object.entries(SENT)) late.push(after.opened.then(() => send(db, way)))
        await db.writer('t').insert({ name: 'inside' })
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      after.open()
      const ways = Object.keys(SENT)
      for (const [index, { status, ...rest }] of (await Promise.allSettled(late)).entries()) {
        expect({
          way: ways[index],
          status,
          code: (rest as { reason?: { code?: string } }).reason?.code,
        }).toEqual({ way: ways[index], status: 'rejected', code: 'EL_ENDED' })
      }
    })
    expect(await two.names()).toEqual([['before'], []])
  })

  test(`${kind}: what its context sends after it was kept belongs to what is around it`, async () => {
    await two.engines.run(async db => {
      await db.writer('t').insert({ name: 'before' })
      const outer = db.writer.savepoint(async () => {
        const after = gate()
        let late: Promise<unknown> | undefined
        await inUnit(db, async () => {
          late = after.opened.then(() => SENT.builder?.(db, 'late, undone with the outer one'))
          await db.writer('t').insert({ name: 'inside' })
        })
        after.open()
        await late
        throw new Error('outer')
      })
      await expect(outer).rejects.toThrow('outer')
      const after = gate()
      let late: Promise<unknown> | undefined
      await inUnit(db, async () => {
        late = after.opened.then(() => SENT.builder?.(db, 'late'))
      })
      after.open()
      await late
    })
    expect(await two.names()).toEqual([['before', 'late'], []])
  })

  test(`${kind}: what is sent from outside meanwhile waits for its end, and is not undone with it`, async () => {
    await two.engines.run(async db => {
      await db.writer('t').insert({ name: 'before' })
      const begun = gate()
      const failing = inUnit(db, async () => {
        await db.writer('t').insert({ name: 'inside' })
        begun.open()
        await sleep(30)
        throw new Error('no')
      })
      const beside = begun.opened.then(async () => {
        await Promise.all(Object.entries(SENT).map(([way, send]) => send(db, way)))
      })
      await expect(failing).rejects.toThrow('no')
      await beside
    })
    expect((await two.names())[0]?.toSorted()).toEqual(['before', ...Object.keys(SENT)].toSorted())
  })

  test(`${kind}: hooks that are asked for inside are dropped when it is undone, and called when it is kept`, async () => {
    const called: string[] = []
    const hooks = (db: Db, name: string) => {
      db.beforeCommit(() => called.push(`${name}: beforeCommit`))
      db.afterCommit(() => called.push(`${name}: afterCommit`))
      db.afterRollback(() => called.push(`${name}: afterRollback`))
    }
    await two.engines.run(async db => {
      await db.writer('t').insert({ name: 'before' })
      hooks(db, 'outer')
      const undone = inUnit(db, async () => {
        hooks(db, 'undone')
        throw new Error('no')
      })
      await expect(undone).rejects.toThrow('no')
      expect(called).toEqual(['undone: afterRollback'])
      await inUnit(db, async () => hooks(db, 'kept'))
    })
    expect(called.slice(1)).toEqual([
      'outer: beforeCommit',
      'kept: beforeCommit',
      'outer: afterCommit',
      'kept: afterCommit',
    ])
  })

  test(`${kind}: while it is open or waits, nothing is committed`, async () => {
    const refused = { code: 'EL_ILLEGAL_MOVE' }
    const finish = gate()
    const open: Promise<unknown>[] = []
    const run = two.engines.run(async db => {
      await db.writer('t').insert({ name: 'before' })
      open.push(inUnit(db, () => finish.opened).catch(() => {}))
      await expect(db.writer.commit()).rejects.toMatchObject(refused)
      open.push(inUnit(db, async () => {}).catch(() => {}))
      await expect(db.commit()).rejects.toMatchObject(refused)
    })
    await expect(run).rejects.toMatchObject(refused)
    finish.open()
    await Promise.all(open)
    expect(await two.names()).toEqual([[], []])
  })
}

test('savepoints side by side on a container that has no transaction yet: those that resolved are kept', async () => {
  await using db = two.engines.open()
  const step = (name: string) => async () => {
    await db.writer('t').insert({ name: `${name} on the writer` })
    await sleep(5)
    await db.ledger('t').insert({ name })
    if (name === 'b') throw new Error('no')
  }
  await Promise.allSettled(['a', 'b', 'c'].map(name => db.savepoint(step(name))))
  await db.commit()
  expect(await two.names()).toEqual([
    ['a on the writer', 'c on the writer'],
    ['a', 'c'],
  ])
})

test('undoing one touches no engine that it did not touch', async () => {
  await using db = two.engines.open()
  await Promise.allSettled([
    db.savepoint(() => db.writer('t').insert({ name: 'kept' })),
    db.savepoint(async () => {
      await db.ledger('t').insert({ name: 'undone' })
      throw new Error('no')
    }),
  ])
  await db.commit()
  expect(await two.names()).toEqual([['kept'], []])
})

test('an engine in autocommit belongs to no unit, and no turn of one is waited for', async () => {
  await using db = two.engines.open()
  const begun = gate()
  const done = gate()
  const failing = db.savepoint(async () => {
    await db.writer('t').insert({ name: 'inside' })
    begun.open()
    await done.opened
    throw new Error('no')
  })
  await begun.opened
  await db.logger('t').insert({ name: 'log' })
  done.open()
  await expect(failing).rejects.toThrow('no')
  expect(await two.names()).toEqual([[], ['log']])
})

// ------------------------------------------------------------------------------------- handles

test('the handle sends for its savepoint in any context', async () => {
  const elsewhere = AsyncLocalStorage.snapshot()
  await two.engines.run(async db => {
    await db.writer('t').insert({ name: 'before' })
    const failing = db.savepoint(async inner => {
      await elsewhere(async () => {
        await inner.writer('t').insert({ name: 'builder' })
        await inner.writer.query("insert into t (name) values ('query')")
        await inner.writer.knex('t').insert({ name: 'knex' })
        await inner.ledger('t').insert({ name: 'another engine' })
        await inner.any.raw("insert into t (name) values ('any')")
        await inner
          .lazy('writer')()
          .savepoint(session => session('t').insert({ name: 'nested' }))
      })
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await db.writer.savepoint(session =>
      elsewhere(() => session.stream("insert into t (name) values ('kept') returning 1").toArray()),
    )
  })
  expect(await two.names()).toEqual([['before', 'kept'], []])
})

test('hooks by the handle belong to its savepoint', async () => {
  const elsewhere = AsyncLocalStorage.snapshot()
  const called: string[] = []
  await two.engines.run(async db => {
    await db.writer('t').insert({ name: 'a' })
    const failing = db.savepoint(async inner => {
      elsewhere(() => inner.afterCommit(() => called.push('undone')))
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
  })
  expect(called).toEqual([])
})

test('a transaction of knex that is held by its handle: what the session sends belongs to it, told once by line', async () => {
  const warnings: string[] = []
  const onWarning = (warning: Error & { code?: string }) =>
    void warnings.push(`${warning.code} ${warning.message}`)
  process.on('warning', onWarning)
  await using db = quick().open()
  await db.writer('t').insert({ name: 'before' })
  const trx = await db.writer.knex.transaction()
  await trx('t').insert({ name: 'by the handle' })
  for (const name of ['by the session', 'again']) await db.writer('t').insert({ name })
  // A savepoint that the application nests in it does not wait for it.
  await db.writer.savepoint(() => db.writer('t').insert({ name: 'nested' }))
  const inner = await trx.transaction()
  await inner('t').insert({ name: 'inner' })
  await inner.commit()
  await expect(db.commit()).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await trx.rollback()
  await db.writer('t').insert({ name: 'after' })
  await db.commit()
  process.off('warning', onWarning)
  expect(await two.names()).toEqual([['before', 'after'], []])
  const told = warnings.filter(text => text.startsWith('EL_SENT_INSIDE'))
  expect(told).toHaveLength(2)
  expect(told[0]).toMatch(/ownership\.test\.ts:\d+.*knex\.transaction\(\) at .*ownership\.test\.ts:\d+/)
})

test('a handle that is forgotten inside of a savepoint undoes it', async () => {
  await using db = quick().open()
  await db.writer('t').insert({ name: 'before' })
  const forgetting = db.writer.savepoint(async () => {
    const trx = await db.writer.knex.transaction()
    await trx('t').insert({ name: 'forgotten' })
  })
  await expect(forgetting).rejects.toMatchObject({ code: 'EL_ILLEGAL_MOVE' })
  await db.commit()
  expect(await two.names()).toEqual([['before'], []])
})

test('an inner transaction of knex whose failure is swallowed leaves the one around it as it was', async () => {
  await using db = two.engines.open()
  await db.writer.knex.transaction(async trx => {
    await trx('t').insert({ name: 'a' })
    await trx
      .transaction(async inner => {
        await inner('t').insert({ name: 'b' })
        await inner.raw('select 1/0').catch(() => {})
      })
      .catch(() => {})
    await trx('t').insert({ name: 'c' })
    // The older form, in which the function itself ends the transaction.
    await trx.transaction(inner => {
      inner('t')
        .insert({ name: 'd' })
        .then(() => inner.commit(), inner.rollback)
    })
  })
  await db.commit()
  expect(await two.names()).toEqual([['a', 'c', 'd'], []])
})

// ------------------------------------------------------------------------------------- waiting

test('one that the function itself waits for is refused, with both lines, and never sent', async () => {
  await using db = quick().open()
  await db.writer('t').insert({ name: 'before' })
  const begun = gate()
  const { told, stop } = listen('statement')
  const outsider = begun.opened.then(() => db.writer('t').insert({ name: 'outsider' }))
  const inside = db.writer.savepoint(async () => {
    begun.open()
    return outsider.then(
      () => 'sent',
      (error: Error) => error,
    )
  })
  const error = await inside
  stop()
  expect(error).toMatchObject({ code: 'EL_SAVEPOINT_WAITED', engine: 'writer' })
  expect((error as Error).message).toMatch(
    /A statement at .*ownership\.test\.ts:\d+ .* was not sent: it comes from outside of savepoint\(\) at .*ownership\.test\.ts:\d+, in which nothing has run for [3-9]\d\d ms/,
  )
  expect(told().join()).not.toContain('outsider')
  await db.commit()
})

test('a batch that was begun outside, as a DataLoader has it, is refused and not waited for for ever', async () => {
  await using db = quick().open()
  await db.writer('t').insert({ name: 'before' })
  const asked = gate()
  const batch = asked.opened.then(() => db.writer('t').where({ name: 'before' }).select('name'))
  const loading = db.savepoint(async () => {
    await db.writer('t').insert({ name: 'inside' })
    asked.open()
    return batch
  })
  await expect(loading).rejects.toMatchObject({ code: 'EL_SAVEPOINT_WAITED' })
  await db.commit()
  expect(await two.names()).toEqual([['before'], []])
})

test('a savepoint from outside that the function waits for is refused as well', async () => {
  await using db = quick().open()
  await db.writer('t').insert({ name: 'before' })
  const begun = gate()
  const outsider = begun.opened.then(() => db.savepoint(() => db.writer('t').insert({ name: 'outsider' })))
  const inside = db.savepoint(() => {
    begun.open()
    return outsider
  })
  await expect(inside).rejects.toMatchObject({ code: 'EL_SAVEPOINT_WAITED' })
  await db.commit()
})

test('one that works is waited for, for as long as it does', async () => {
  await using db = quick().open()
  await db.writer('t').insert({ name: 'before' })
  const begun = gate()
  const working = db.writer.savepoint(async () => {
    begun.open()
    await db.writer.query('select pg_sleep($1)', [(WAIT_MS * 3) / 1_000])
    throw new Error('no')
  })
  const beside = begun.opened.then(() => db.writer('t').insert({ name: 'beside' }))
  await expect(working).rejects.toThrow('no')
  await beside
  await db.commit()
  expect(await two.names()).toEqual([['before', 'beside'], []])
})

test('two that wait for each other: the second wait is refused at once', async () => {
  await using db = two.engines.open()
  await db.writer('t').insert({ name: 'before' })
  const [onWriter, onLedger] = [gate(), gate()]
  const settled = await Promise.allSettled([
    db.writer.savepoint(async () => {
      onWriter.open()
      await onLedger.opened
      await db.ledger('t').insert({ name: 'from the writer' })
    }),
    db.ledger.savepoint(async () => {
      onLedger.open()
      await onWriter.opened
      await sleep(20)
      const since = performance.now()
      await db
        .writer('t')
        .insert({ name: 'from the ledger' })
        .finally(() => expect(performance.now() - since).toBeLessThan(900))
    }),
  ])
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect(settled[1]).toMatchObject({ reason: { code: 'EL_SAVEPOINT_WAITED' } })
  await db.commit()
  expect(await two.names()).toEqual([['before'], ['from the writer']])
})

test('two savepoints of a container and of a session that wait for each other', async () => {
  await using db = two.engines.open()
  const [inContainer, inSession] = [gate(), gate()]
  const settled = await Promise.allSettled([
    db.savepoint(async () => {
      await db.writer('t').insert({ name: 'container' })
      inContainer.open()
      await inSession.opened
      await db.ledger('t').insert({ name: 'container' })
    }),
    inContainer.opened.then(() =>
      db.ledger.savepoint(async () => {
        inSession.open()
        await sleep(20)
        await db.savepoint(() => db.ledger('t').insert({ name: 'session' }))
      }),
    ),
  ])
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect(settled[1]).toMatchObject({ reason: { code: 'EL_SAVEPOINT_WAITED' } })
  await db.commit()
  expect(await two.names()).toEqual([['container'], ['container']])
})

test('a container that ends while one is open and others wait: all are told, and nothing is kept', async () => {
  const db = two.engines.open()
  const finish = gate()
  const open = db.savepoint(async () => {
    await db.writer('t').insert({ name: 'inside' })
    await finish.opened
    await db.writer('t').insert({ name: 'late' })
  })
  await db.writer.query('select 1').catch(() => {})
  const beside = db.writer('t').insert({ name: 'beside' })
  const waiting = db.savepoint(() => db.writer('t').insert({ name: 'waiting' }))
  const settled = Promise.allSettled([open, beside, waiting])
  await sleep(20)
  const since = performance.now()
  await db.end()
  expect(performance.now() - since).toBeLessThan(900)
  finish.open()
  expect((await settled).map(result => (result as { reason?: { code?: string } }).reason?.code)).toEqual([
    'EL_ENDED',
    'EL_ENDED',
    'EL_ENDED',
  ])
  expect(await two.names()).toEqual([[], []])
})
