import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngines, engine } from '../../../server-lib/index.ts'
import { createDatabase, type TestDatabase } from '../../../server-lib/testing/database.ts'
import { expectQuiet } from '../../../server-lib/testing/ground-truth.ts'
import { Script } from '../testing/script.ts'
import { start } from '../testing/start.ts'

const PARTICIPANTS = [
  { engine: 'warehouse', session: 's2', role: 'prepares', gid: 'enginelight:shop:7e57:warehouse:10c' },
  { engine: 'writer', session: 's1', role: 'decides', gid: null },
] as const

/** Two engines that have written, each in a session of its own. */
function written() {
  const { recorder, script: writer, inside } = start()
  const warehouse = new Script('warehouse', 'c2', writer.clock)
  warehouse.declare()
  const write = (script: Script, session: string, transaction: string) => {
    script.session(session, 'u1')
    script.statement(`b${session}`, 'BEGIN', { session })
    script.transaction(transaction, { session })
    script.answer(`b${session}`)
    script.statement(`w${session}`, 'insert into t values (1)', { session, transaction })
    script.answer(`w${session}`)
  }
  const send = (script: Script, id: string, text: string, session: string, transaction: string | null) => {
    script.statement(id, text, { session, transaction })
    return { answered: () => script.answer(id) }
  }
  return { recorder, writer, warehouse, inside, write, send }
}

test('a commit is a span beside its sessions, with each step on each engine; what is sent after a transaction is in its step', () => {
  const { recorder, writer, warehouse, inside, write, send } = written()
  inside('POST /orders', () => {
    write(writer, 's1', 't1')
    write(warehouse, 's2', 't2')
    inside('checkout', () => writer.commit('two-phase', PARTICIPANTS))
    writer.step('writer', 'decision')
    send(writer, 'q1', 'insert into public.enginelight_decision values (1)', 's1', 't1').answered()
    writer.stepEnd('writer', 'decision', { command: 'INSERT' })
    warehouse.step('warehouse', 'prepare')
    const prepare = send(warehouse, 'q2', `PREPARE TRANSACTION 'gid'`, 's2', 't2')
    warehouse.transactionEnd('prepared', 'prepare', 't2')
    prepare.answered()
    warehouse.stepEnd('warehouse', 'prepare', { command: 'PREPARE' })
    writer.step('writer', 'commit')
    const commit = send(writer, 'q3', 'COMMIT', 's1', 't1')
    writer.transactionEnd('committed', 'commit', 't1')
    commit.answered()
    writer.stepEnd('writer', 'commit', { command: 'COMMIT' })
    warehouse.step('warehouse', 'commit prepared')
    send(warehouse, 'q4', `COMMIT PREPARED 'gid'`, 's2', null).answered()
    warehouse.stepEnd('warehouse', 'commit prepared', { command: 'COMMIT' })
    writer.commitEnd('committed', { writer: 'committed', warehouse: 'committed' })
  })
  writer.step('writer', 'forget')
  writer.stepEnd('writer', 'forget', { command: 'DELETE' })
  writer.sessionEnd('s1')
  warehouse.sessionEnd('s2')
  expect(
    recorder.draw(
      'enginelight.commit.mode',
      'enginelight.commit.transaction',
      'enginelight.commit.outcome',
      'enginelight.commit.engines',
      'enginelight.commit.role',
      'enginelight.commit.answer',
      'enginelight.transaction.outcome',
    ),
  ).toBe(
    `INTERNAL POST /orders
  INTERNAL enginelight.session writer
    INTERNAL enginelight.transaction outcome=committed
      CLIENT insert t
      CLIENT insert public.enginelight_decision
      CLIENT COMMIT
  INTERNAL enginelight.session warehouse
    INTERNAL enginelight.transaction outcome=prepared
      CLIENT insert t
      CLIENT PREPARE TRANSACTION
  INTERNAL checkout
    INTERNAL enginelight.commit mode=two-phase transaction=7e57 outcome=committed engines=writer: committed,warehouse: committed
      INTERNAL enginelight.step decision writer role=decides answer=INSERT
      INTERNAL enginelight.step prepare warehouse role=prepares answer=PREPARE
      INTERNAL enginelight.step commit writer role=decides answer=COMMIT
      INTERNAL enginelight.step commit prepared warehouse role=prepares answer=COMMIT
        CLIENT COMMIT PREPARED
      INTERNAL enginelight.step forget writer role=decides answer=DELETE`,
  )
  expect([recorder.unfinished(), recorder.instrumentation.openCount]).toEqual([[], 0])
})

test('a commit that fails is an error with its code, and so is the step that it failed at', () => {
  const { recorder, writer, warehouse } = written()
  writer.commit('two-phase', PARTICIPANTS)
  warehouse.step('warehouse', 'prepare')
  warehouse.stepEnd('warehouse', 'prepare', {
    error: { type: 'DatabaseError', code: '23503', message: 'Ada is not there' },
  })
  writer.commitEnd(
    'rolled back',
    { writer: 'rolled back', warehouse: 'rolled back' },
    { type: 'EnginelightError', code: 'EL_COMMIT_FAILED', message: 'Ada' },
  )
  expect(recorder.draw('enginelight.commit.outcome', 'error.type')).toBe(
    `INTERNAL enginelight.commit outcome=rolled back type=EL_COMMIT_FAILED ! EnginelightError (EL_COMMIT_FAILED)
  INTERNAL enginelight.step prepare warehouse type=23503 ! DatabaseError (23503)`,
  )
})

test('a step that is never answered, and a commit that never ends, end with the instrumentation', () => {
  const { recorder, writer } = written()
  writer.commit('two-phase', PARTICIPANTS)
  writer.step('writer', 'commit')
  expect(recorder.instrumentation.openCount).toBe(3)
  recorder.instrumentation.disable()
  expect([recorder.unfinished(), recorder.instrumentation.openCount]).toEqual([[], 0])
  expect(recorder.draw('enginelight.abandoned')).toBe(
    `INTERNAL enginelight.commit abandoned=the instrumentation was disabled
  INTERNAL enginelight.step commit writer abandoned=the instrumentation was disabled`,
  )
})

test('of ten thousand commits that are over none is counted as open, and few are remembered', () => {
  const { recorder, writer } = written()
  for (let number = 0; number < 10_000; number++) {
    writer.commit('one-phase', [], { id: `x${number}` })
    writer.commitEnd('committed', {}, null, `x${number}`)
  }
  writer.step('writer', 'forget', 'x5')
  writer.step('writer', 'forget', 'x9999')
  // The fifth commit has been forgotten, so its step opens no span.
  expect(recorder.instrumentation.openCount).toBe(1)
  writer.stepEnd('writer', 'forget', {}, 'x9999')
  expect(recorder.finished().at(-1)?.name).toBe('enginelight.step forget writer')
})

test('metrics: commits by mode and outcome, what recovery has met and what it has ended', async () => {
  const { recorder, writer } = written()
  const { channels } = await import('../../../server-lib/channels/channels.ts')
  writer.commit('one-phase', [], { id: 'x1' })
  writer.commitEnd('committed', { writer: 'committed' }, null, 'x1')
  writer.commit('two-phase', PARTICIPANTS, { id: 'x2' })
  writer.commitEnd('unknown', { writer: 'unknown' }, null, 'x2')
  const left = { engine: 'warehouse', transaction: '7e57', ageMs: 60_000 }
  const reason = 'its coordinator is at work'
  const at = performance.now()
  for (const gid of ['a', 'b', 'a']) channels.commit.publish({ phase: 'in doubt', at, gid, reason, ...left })
  channels.commit.publish({ phase: 'recovered', at, gid: 'a', outcome: 'committed', ...left })
  const points = (await recorder.metrics()).flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => {
      const shown = typeof value === 'number' ? value : (value as { sum: number }).sum
      return `${descriptor.name} ${Object.values(attributes).join(' ')}: ${shown}`
    }),
  )
  expect(points.filter(point => /commit|prepared/.test(point)).sort()).toEqual([
    'enginelight.commit.duration one-phase committed: 0.02',
    'enginelight.commit.duration two-phase unknown: 0.02',
    'enginelight.prepared.in_doubt warehouse: 1',
    'enginelight.prepared.recovered warehouse committed: 1',
  ])
})

let databases: TestDatabase[]
beforeAll(async () => {
  databases = await Promise.all(['a', 'b'].map(() => createDatabase('create table t (id int)')))
})
afterAll(() => Promise.all(databases.map(database => database.drop())))

test('the whole tree of a commit over two real databases', async () => {
  const [shop, other] = databases as [TestDatabase, TestDatabase]
  const { recorder, inside } = start()
  await using engines = createEngines({
    warehouse: engine()({ connection: other.url }),
    writer: engine()({ connection: shop.url, priority: 1, default: true }),
  })
  await engines.install()
  const order = (id: number) =>
    engines.scope(async db => {
      await db.writer('t').insert({ id })
      await db.warehouse('t').insert({ id })
      await db.commit()
    })
  // The first commit also asks each server what it can do.
  await order(1)
  await inside('POST /orders', () => order(2))
  await engines.close()
  const lines = recorder.draw('enginelight.commit.outcome', 'enginelight.transaction.outcome').split('\n')
  const from = lines.indexOf('INTERNAL POST /orders')
  const rest = lines.slice(from + 1).findIndex(line => !line.startsWith(' '))
  const tree = lines
    .slice(from, rest === -1 ? undefined : from + 1 + rest)
    .filter(line => !line.includes('enginelight.checkout'))
    .join('\n')
  expect(tree).toBe(
    `INTERNAL POST /orders
  INTERNAL enginelight.session writer
    INTERNAL enginelight.transaction outcome=committed
      CLIENT insert t
      CLIENT SET
      CLIENT SELECT
      CLIENT COMMIT
  INTERNAL enginelight.session warehouse
    INTERNAL enginelight.transaction outcome=prepared
      CLIENT insert t
      CLIENT PREPARE TRANSACTION
  INTERNAL enginelight.commit outcome=committed
    INTERNAL enginelight.step decision writer
    INTERNAL enginelight.step prepare warehouse
    INTERNAL enginelight.step commit writer
    INTERNAL enginelight.step commit prepared warehouse
      CLIENT COMMIT PREPARED
    INTERNAL enginelight.step forget writer`,
  )
  expect([recorder.unfinished(), recorder.instrumentation.openCount]).toEqual([[], 0])
  for (const database of databases) await expectQuiet(database)
})
