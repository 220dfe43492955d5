import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RecoveryReport } from '../index.ts'
import { createEngines, engine } from '../index.ts'
import { Coordinator, type CoordinatorOptions } from '../testing/coordinator.ts'
import { createDatabase } from '../testing/database.ts'
import { INSTALLED, shopAndBooks } from '../testing/shop-and-books.ts'
import { listen } from '../testing/story.ts'
import { untilBlocked } from '../testing/ground-truth.ts'

const two = shopAndBooks()
let engines: ReturnType<typeof open>
const open = (application = 'recovery', ledger: object = {}) =>
  createEngines(
    {
      writer: engine()({ connection: two.shop.url, pool: { max: 3 } }),
      ledger: engine()({ connection: two.books.url, pool: { max: 3 }, ...ledger }),
    },
    { application },
  )

beforeAll(() => void (engines = open()))
afterAll(() => engines.close())

const pass = (options: object = {}, own = engines, dryRun = false): Promise<RecoveryReport> =>
  own.recovery({ everyMs: false, olderThanMs: 0, ...options }).runNow({ dryRun })
const outcomes = ({ prepared }: RecoveryReport) =>
  Object.fromEntries(
    prepared.map(({ gid, outcome, reason }) => [gid, reason ? `${outcome}: ${reason}` : outcome]),
  )
/** The transactions that are there, in each database. */
const written = async () =>
  Promise.all(
    [two.shop, two.books].map(async ({ admin }) =>
      (await admin('select name from t order by id')).map(row => row.name),
    ),
  )
const started = async (options: CoordinatorOptions = {}, other = two.shop) =>
  (await Coordinator.between(two.books, other, options)).toPrepared()
const died = async (how: 'decided' | 'undecided', options: CoordinatorOptions = {}, other = two.shop) => {
  const coordinator = await started(options, other)
  if (how === 'decided') await coordinator.commit()
  await coordinator.die()
  return coordinator
}

describe('R32 recovery', () => {
  test('what was decided is committed, what was not is rolled back, and both are told', async () => {
    const decided = await died('decided')
    const undecided = await died('undecided')
    const { messages, stop } = listen('commit')
    const foreseen = await pass({}, engines, true)
    expect(foreseen).toMatchObject({ dryRun: true, isClear: false, forgotten: 0 })
    expect(messages).toEqual([])
    const report = await pass()
    stop()
    expect(outcomes(report)).toEqual({ [decided.gid]: 'committed', [undecided.gid]: 'rolled back' })
    expect(outcomes(foreseen)).toEqual(outcomes(report))
    expect(report).toMatchObject({ isClear: true, problems: [], forgotten: 0 })
    expect(messages.map(message => ({ ...message, at: 0 }))).toEqual(
      [decided, undecided].map(({ gid, transaction }) => ({
        channel: 'enginelight:commit',
        phase: 'recovered',
        at: 0,
        engine: 'writer',
        gid,
        transaction,
        ageMs: expect.any(Number),
        outcome: gid === decided.gid ? 'committed' : 'rolled back',
      })),
    )
    expect(await written()).toEqual([[decided.transaction], [decided.transaction]])
    expect(await pass()).toMatchObject({ prepared: [], isClear: true })
  })

  test("the young, other applications', other databases' and other tools' prepared transactions are left alone", async () => {
    await using elsewhere = await createDatabase(INSTALLED)
    const ours = await died('decided')
    const others = [
      await died('decided', { application: 'another' }),
      await died('decided', { application: 'recovery.2' }),
      await died('decided', {}, elsewhere),
    ]
    const client = new pg.Client(two.shop.url)
    await client.connect()
    const foreign = ['somebody', 'enginelight:recovery:', `enginelight:recovery:x:writer:y`, "it's \\ours"]
    for (const gid of foreign) {
      await client.query('begin')
      await client.query('insert into t default values')
      await client.query(`prepare transaction '${gid.replaceAll("'", "''")}'`)
    }
    expect(outcomes(await pass({ olderThanMs: 60_000 }))).toEqual({ [ours.gid]: 'young' })
    expect(outcomes(await pass())).toEqual({ [ours.gid]: 'committed' })
    const left = await two.shop.admin(
      `select gid from pg_prepared_xacts where database in ($1, $2) order by gid`,
      [two.shop.name, elsewhere.name],
    )
    expect(left.map(({ gid }) => gid).toSorted()).toEqual(
      [...others.map(({ gid }) => gid), ...foreign].toSorted(),
    )
    for (const gid of foreign) await client.query(`rollback prepared '${gid.replaceAll("'", "''")}'`)
    await client.end()
    await elsewhere.admin(`commit prepared '${others[2]?.gid}'`)
    for (const { gid } of others.slice(0, 2)) await two.shop.admin(`commit prepared '${gid}'`)
  })

  test('a live coordinator that holds the decision open is left alone, and commits', async () => {
    const coordinator = await started()
    expect(outcomes(await pass())).toEqual({
      [coordinator.gid]: 'in doubt: its coordinator still holds the decision open',
    })
    const waiting = pass()
    await untilBlocked(two.books)
    await coordinator.commit()
    // Two who do the same: one is told that there is nothing any more, or that somebody is at it.
    const [report, own] = await Promise.all([
      waiting,
      coordinator.commitPrepared().catch((error: { code: string }) => error.code),
    ])
    expect(outcomes(report)[coordinator.gid]).toMatch(/^(committed|gone)$/)
    expect(own).toMatch(/^(COMMIT|42704|55000)/)
    await coordinator.die()
    expect(await written()).toEqual([[coordinator.transaction], [coordinator.transaction]])
    expect((await pass()).isClear).toBe(true)
  })

  test('a coordinator that stands still is ended by its server; what it prepared is rolled back, and its COMMIT fails', async () => {
    const coordinator = await started({ idleTimeoutMs: 300 })
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(outcomes(await pass())).toEqual({ [coordinator.gid]: 'rolled back' })
    await expect(coordinator.commit()).rejects.toThrow(/idle-in-transaction|terminat|not queryable/i)
    await coordinator.die()
    expect(await written()).toEqual([[], []])
  })

  test('a decision that is deleted between the look and the question finds nothing to roll back', async () => {
    const coordinator = await started()
    await coordinator.commit()
    const stop = await holdDecisions()
    const waiting = pass()
    await untilBlocked(two.books)
    // The recoverer has seen it prepared, and waits to ask; meanwhile the coordinator finishes.
    expect(await coordinator.commitPrepared()).toBe('COMMIT')
    await stop(`delete from enginelight_decision where transaction = '${coordinator.transaction}'`)
    expect(outcomes(await waiting)).toEqual({ [coordinator.gid]: 'gone' })
    await coordinator.die()
    expect(await written()).toEqual([[coordinator.transaction], [coordinator.transaction]])
  })

  test('three recoverers at once, of two processes worth of engines, end each exactly as decided', async () => {
    const decided = await Promise.all(Array.from({ length: 8 }, () => died('decided')))
    const undecided = await Promise.all(Array.from({ length: 8 }, () => died('undecided')))
    const second = open()
    const reports = await Promise.all([pass(), pass(), pass({}, second)])
    await second.close()
    const ended = reports.flatMap(({ prepared }) => prepared)
    for (const { gid } of decided) {
      const own = ended.filter(one => one.gid === gid).map(one => one.outcome)
      expect(own.filter(outcome => outcome === 'committed')).toHaveLength(1)
      expect(own).not.toContain('rolled back')
    }
    for (const { gid } of undecided) {
      const own = ended.filter(one => one.gid === gid).map(one => one.outcome)
      expect(own.filter(outcome => outcome === 'rolled back')).toHaveLength(1)
      expect(own).not.toContain('committed')
    }
    const [inShop, inBooks] = await written()
    expect(inShop?.toSorted()).toEqual(inBooks?.toSorted())
    expect(inShop?.toSorted()).toEqual(decided.map(one => one.transaction).toSorted())
  })

  test('R33 what nobody here can tell is reported with its age and reason, warned of once, and tried again', async () => {
    const lost = await died('decided', { location: '00000000-0000-4000-8000-00000000dead' })
    const warnings: string[] = []
    const hear = (warning: Error & { code?: string }) => {
      if (warning.code === 'EL_IN_DOUBT') warnings.push(warning.message)
    }
    process.on('warning', hear)
    const { messages, stop } = listen('commit')
    const recovery = engines.recovery({ everyMs: 1, olderThanMs: 0 })
    await expect.poll(() => messages.length).toBeGreaterThan(2)
    await recovery.stop()
    const told = messages.length
    await new Promise(resolve => setTimeout(resolve, 150))
    stop()
    process.removeListener('warning', hear)
    expect(messages).toHaveLength(told)
    expect(messages[0]).toMatchObject({
      phase: 'in doubt',
      engine: 'writer',
      gid: lost.gid,
      ageMs: expect.any(Number),
      reason:
        'the decision is in the database 00000000-0000-4000-8000-00000000dead, and none that could be looked at has this id',
    })
    expect(warnings).toEqual([expect.stringContaining(lost.gid)])
    await two.shop.admin(`rollback prepared '${lost.gid}'`)
  })

  test('a database that is away is a problem of its own, and keeps nobody else from being recovered', async () => {
    const own = await died('undecided')
    await using away = createEngines(
      {
        writer: engine()({ connection: two.shop.url }),
        ledger: engine()({ connection: two.books.url }),
        third: engine()({ connection: 'postgres://x:secret@127.0.0.1:1/none', connectTimeoutMs: 300 }),
      },
      { application: 'recovery' },
    )
    const report = await pass({}, away as unknown as typeof engines)
    expect(outcomes(report)).toEqual({ [own.gid]: 'rolled back' })
    expect(report).toMatchObject({ isClear: false, problems: [{ engine: 'third' }] })
    expect(JSON.stringify(report)).not.toContain('secret')
  })

  test('where the database with the decision is away, what is prepared stays until it is back', async () => {
    const own = await died('decided')
    const away = open('recovery', { connection: 'postgres://x@127.0.0.1:1/none' })
    expect(await pass({}, away)).toMatchObject({ isClear: false, prepared: [{ outcome: 'in doubt' }] })
    await away.close()
    expect(outcomes(await pass())).toEqual({ [own.gid]: 'committed' })
  })

  test("a role without the owner's rights is told so in each pass, and nothing is looped", async () => {
    const role = `stranger_${process.pid}`
    await two.shop.admin(`create role ${role} login password 'x'`)
    const own = await died('decided')
    await using stranger = createEngines(
      {
        writer: engine()({ connection: two.shop.url.replace('postgres:postgres@', `${role}:x@`) }),
        ledger: engine()({ connection: two.books.url }),
      },
      { application: 'recovery' },
    )
    const startedAt = performance.now()
    const report = await pass({}, stranger as typeof engines)
    expect(performance.now() - startedAt).toBeLessThan(1_500)
    expect(outcomes(report)[own.gid]).toMatch(
      /^in doubt: it is committed, and could not be ended: .*\(42501\)/,
    )
    await stranger.close()
    expect(outcomes(await pass())).toEqual({ [own.gid]: 'committed' })
    await two.shop.admin(`drop owned by ${role}`)
    await two.shop.admin(`drop role ${role}`)
  })

  test('a recovery ends with its engines, and is refused afterwards', async () => {
    const own = open()
    const recovery = own.recovery({ everyMs: 20, olderThanMs: 0 })
    await recovery.runNow()
    await own.close()
    await recovery.stop()
    expect(() => own.recovery()).toThrow(/closed/)
    expect(() => engines.recovery({ everyMs: 0 })).toThrow(/everyMs of recovery must be a whole number/)
  })
})

describe('old decisions', () => {
  const decisions = async () =>
    (await two.books.admin('select transaction from enginelight_decision')).map(
      ({ transaction }) => transaction,
    )

  test('one that was carried out everywhere is deleted when it is old, and not before', async () => {
    const done = await died('decided')
    expect(await pass()).toMatchObject({ forgotten: 0 })
    expect(await decisions()).toEqual([done.transaction])
    expect(await pass({ keepDecisionsMs: 0 }, engines, true)).toMatchObject({ forgotten: 0 })
    expect(await pass({ keepDecisionsMs: 0 })).toMatchObject({ forgotten: 1 })
    expect(await decisions()).toEqual([])
  })

  test('one that lists what is still prepared, or what cannot be looked at, stays', async () => {
    const young = await died('decided')
    // Recovered too young: still prepared while its row is old.
    expect(await pass({ olderThanMs: 60_000, keepDecisionsMs: 0 })).toMatchObject({ forgotten: 0 })
    await pass()
    const kept: string[] = [young.transaction]
    for (const part of [
      { engine: 'nobody', database: two.shop.name },
      { engine: 'writer', database: 'another' },
      { engine: 'writer', database: two.shop.name, application: 'another' },
    ]) {
      const { application = 'recovery', ...where } = part
      const [row] = await two.books.admin(
        `insert into enginelight_decision (transaction, outcome, application, participants, decided_at)
         values (gen_random_uuid(), 'commit', $1, $2, now() - interval '1 year') returning transaction`,
        [application, JSON.stringify([{ ...where, gid: 'none' }])],
      )
      kept.push(row?.transaction)
    }
    await using away = createEngines(
      {
        writer: engine()({ connection: 'postgres://x@127.0.0.1:1/none' }),
        ledger: engine()({ connection: two.books.url }),
      },
      { application: 'recovery' },
    )
    expect(await pass({ keepDecisionsMs: 0 }, away as typeof engines)).toMatchObject({ forgotten: 0 })
    await away.close()
    expect((await decisions()).toSorted()).toEqual(kept.toSorted())
    expect(await pass({ keepDecisionsMs: 0 })).toMatchObject({ forgotten: 1 })
    expect((await decisions()).toSorted()).toEqual(kept.slice(1).toSorted())
  })
})

/** Nobody reads or inserts a decision until the returned function has run a last statement. */
async function holdDecisions() {
  const client = new pg.Client({ connectionString: two.books.url, application_name: 'administrator' })
  await client.connect()
  await client.query('begin')
  await client.query('lock table enginelight_decision in exclusive mode')
  return async (last: string) => {
    await client.query(last)
    await client.query('commit')
    await client.end()
  }
}
