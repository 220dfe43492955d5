import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../index.ts'
import type { Engine } from '../../engines/engine.ts'
import { Coordinator } from '../../testing/coordinator.ts'
import { shopAndBooks } from '../../testing/shop-and-books.ts'
import { endPrepared } from '../end-prepared.ts'
import { askDecision, fence } from './fence.ts'
import { untilBlocked } from '../../testing/ground-truth.ts'

const two = shopAndBooks()
let engines: ReturnType<typeof open>
const open = (options: object = {}) =>
  createEngines(
    {
      writer: engine()({ connection: two.shop.url, pool: { max: 2 }, ...options }),
      ledger: engine()({ connection: two.books.url, pool: { max: 2 }, ...options }),
    },
    { application: 'recovery' },
  )
const inside = (name: 'writer' | 'ledger') => engines.get(name) as unknown as Engine
const outcome = (transaction: string, deadlineMs = 500) =>
  fence(inside('ledger'), transaction, { deadlineMs })
const rows = async () => [
  (await two.shop.admin('select * from t')).length,
  (await two.books.admin('select * from t')).length,
]

beforeAll(() => void (engines = open()))
afterAll(() => engines.close())

test('committed, aborted, and neither while a coordinator holds the row open', async () => {
  await using coordinator = await Coordinator.between(two.books, two.shop)
  await coordinator.toPrepared()
  const { decision, reason } = await askDecision(inside('ledger'), coordinator.transaction, {
    deadlineMs: 300,
  })
  expect([decision, reason]).toEqual(['unknown', 'its coordinator still holds the decision open'])
  const asked = outcome(coordinator.transaction, 5_000)
  await untilBlocked(two.books)
  await coordinator.commit()
  expect(await asked).toBe('committed')
  expect(await outcome(coordinator.transaction)).toBe('committed')
  expect(await endPrepared(inside('writer'), coordinator.gid, 'commit', 1_000)).toBe('done')
  expect(await endPrepared(inside('writer'), coordinator.gid, 'commit', 1_000)).toBe('gone')
  expect(await rows()).toEqual([1, 1])

  await using other = await Coordinator.between(two.books, two.shop)
  await other.toPrepared()
  const askedToo = outcome(other.transaction, 5_000)
  await untilBlocked(two.books)
  await other.die()
  expect(await askedToo).toBe('aborted')
  expect(await endPrepared(inside('writer'), other.gid, 'rollback', 1_000)).toBe('done')
  expect(await rows()).toEqual([1, 1])
})

test('asking leaves no row and no connection out, so the next one hears the same', async () => {
  const transaction = '00000000-0000-4000-8000-000000000000'
  const answers = await Promise.all(Array.from({ length: 10 }, () => outcome(transaction, 5_000)))
  expect(new Set(answers)).toEqual(new Set(['aborted']))
  expect(await two.books.admin('select * from enginelight_decision')).toEqual([])
  expect(engines.get('ledger').description.max).toBe(2)
  expect((await two.books.backends()).every(({ state }) => state === 'idle')).toBe(true)
})

test('a missing table, a swallowed row, another unique key, another database and a closed engine are no answer', async () => {
  const transaction = '00000000-0000-4000-8000-000000000001'
  const ask = (location?: string) =>
    askDecision(inside('ledger'), transaction, { deadlineMs: 250, ...(location && { location }) })
  await two.books.admin('alter table enginelight_decision rename to elsewhere')
  expect(await ask()).toEqual({
    decision: 'unknown',
    reason: expect.stringContaining('table of engine "ledger" is missing'),
  })
  await two.books.admin('alter table elsewhere rename to enginelight_decision')

  await two.books
    .admin(`create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger swallow before insert on enginelight_decision for each row execute function swallow()`)
  expect(await ask()).toEqual({
    decision: 'unknown',
    reason: expect.stringContaining('kept the row from being inserted'),
  })
  await two.books.admin('drop function swallow cascade')

  await two.books.admin(`create table audit (one int primary key); insert into audit values (1);
    create function note() returns trigger language plpgsql as $$ begin insert into audit values (1); return new; end $$;
    create trigger note before insert on enginelight_decision for each row execute function note()`)
  expect(await ask()).toMatchObject({ decision: 'unknown' })
  await two.books.admin('drop function note cascade; drop table audit')

  expect(await ask('00000000-0000-4000-8000-00000000000f')).toEqual({
    decision: 'unknown',
    reason: 'engine "ledger" is connected to another database now',
  })
  const closed = open()
  await closed.close()
  const startedAt = performance.now()
  expect(await fence(closed.get('ledger') as unknown as Engine, transaction, { deadlineMs: 5_000 })).toBe(
    'unknown',
  )
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})

test('what somebody has settled by hand, with an abort row, is aborted', async () => {
  await using coordinator = await Coordinator.between(two.books, two.shop)
  await coordinator.toPrepared()
  await coordinator.die()
  await two.books.admin(
    `insert into enginelight_decision (transaction, outcome, participants) values ($1, 'abort', '[]')`,
    [coordinator.transaction],
  )
  expect(await outcome(coordinator.transaction)).toBe('aborted')
  expect(await endPrepared(inside('writer'), coordinator.gid, 'rollback', 1_000)).toBe('done')
})

test('a read-only server is no answer: its default is overruled where it may be, and a standby is not believed', async () => {
  const transaction = '00000000-0000-4000-8000-000000000002'
  await two.books.admin(`alter database ${two.books.name} set default_transaction_read_only = on`)
  const fresh = open()
  expect(await fence(fresh.get('ledger') as unknown as Engine, transaction, { deadlineMs: 500 })).toBe(
    'aborted',
  )
  await fresh.close()
  await two.books.admin(`alter database ${two.books.name} reset default_transaction_read_only`)
})

test('what another role has prepared is ended as that role where it may, and refused where it may not', async () => {
  const [member, stranger] = [`member_${process.pid}`, `stranger_${process.pid}`]
  await two.shop.admin(`create role ${member} login password 'x'; create role ${stranger} login password 'x'`)
  await two.shop
    .admin(`create role owner_${process.pid} login password 'x'; grant owner_${process.pid} to ${member};
    grant all on all tables in schema public to public; grant all on all sequences in schema public to public`)
  const as = (name: string, url: string) => url.replace('postgres:postgres@', `${name}:x@`)
  const own = { ...two.shop, url: as(`owner_${process.pid}`, two.shop.url) }
  await using coordinator = await Coordinator.between(two.books, own)
  await coordinator.toPrepared()
  await coordinator.commit()
  await using forStranger = createEngines({ writer: engine()({ connection: as(stranger, two.shop.url) }) })
  await expect(
    endPrepared(forStranger.get() as unknown as Engine, coordinator.gid, 'commit', 2_000),
  ).rejects.toMatchObject({ code: '42501' })
  await using forMember = createEngines({
    writer: engine()({ connection: as(member, two.shop.url), pool: { max: 1 } }),
  })
  expect(await endPrepared(forMember.get() as unknown as Engine, coordinator.gid, 'commit', 2_000)).toBe(
    'done',
  )
  await using db = forMember.open()
  expect((await db.writer.query('select current_user as name')).rows).toEqual([{ name: member }])
  await db.end()
  await coordinator.die()
  await Promise.all([forStranger.close(), forMember.close()])
  for (const name of [member, stranger, `owner_${process.pid}`]) await two.shop.admin(`drop owned by ${name}`)
  for (const name of [member, stranger, `owner_${process.pid}`]) await two.shop.admin(`drop role ${name}`)
})
