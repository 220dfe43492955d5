import { expect, test } from 'vitest'
import { wallTime } from '../clock.ts'
import { start } from '../testing/start.ts'

test('the statements of a transaction are inside it, BEGIN and COMMIT too, and it is inside its session', () => {
  const { recorder, script, inside } = start({ beginSpans: true })
  inside('POST /orders', () => {
    script.session()
    script.checkout()
  })
  inside('another request, that gave the connection back', () => {
    script.acquired('k1', 0.2)
    script.statement('q1', 'BEGIN')
    script.transaction()
    script.answer('q1', { command: 'BEGIN' })
    script.statement('q2', 'insert into "orders" ("a") values ($1)', { transaction: 't1', parameters: 1 })
    script.answer('q2', { rows: 1, command: 'INSERT' })
    script.statement('q3', 'COMMIT', { transaction: 't1' })
    script.transactionEnd('committed')
    script.answer('q3', { command: 'COMMIT' })
  })
  script.released()
  script.sessionEnd('s1', { statements: 3 })
  expect(
    recorder.draw(
      'db.operation.name',
      'db.query.text',
      'enginelight.transaction.outcome',
      'enginelight.statement.row.count',
    ),
  ).toBe(
    `INTERNAL POST /orders
  INTERNAL enginelight.session writer
    INTERNAL enginelight.transaction outcome=committed
      CLIENT BEGIN name=BEGIN text=BEGIN
      CLIENT insert orders text=insert into "orders" ("a") values ($1) count=1
      CLIENT COMMIT name=COMMIT text=COMMIT
INTERNAL another request, that gave the connection back`,
  )
  expect([recorder.unfinished(), recorder.instrumentation.openCount]).toEqual([[], 0])
})

test('a parent lies around its children in time, a transaction whose end is told before its COMMIT too', () => {
  const { recorder, script } = start({ beginSpans: true })
  script.session()
  script.statement('q1', 'BEGIN')
  script.answer('q1')
  script.transaction()
  script.statement('q2', 'COMMIT', { transaction: 't1' })
  script.transactionEnd()
  script.answer('q2')
  script.sessionEnd()
  const nanoseconds = ([s, n]: readonly [number, number]) => s * 1e9 + n
  const spans = new Map(recorder.finished().map(span => [span.spanContext().spanId, span]))
  const outside = [...spans.values()].filter(span => {
    const parent = spans.get(span.parentSpanContext?.spanId ?? '')
    if (!parent) return false
    return (
      nanoseconds(span.startTime) < nanoseconds(parent.startTime) ||
      nanoseconds(span.endTime) > nanoseconds(parent.endTime)
    )
  })
  expect(outside.map(span => span.name)).toEqual([])
  expect(recorder.draw('enginelight.abandoned')).toBe(
    `INTERNAL enginelight.session writer
  INTERNAL enginelight.transaction
    CLIENT BEGIN
    CLIENT COMMIT`,
  )
})

test('a BEGIN that fails is in the session, and so is what was sent along with it', () => {
  const { recorder, script } = start()
  script.session()
  script.statement('q1', 'BEGIN READ ONLY')
  script.statement('q2', 'select * from orders')
  script.answer('q1', { error: { type: 'Error', code: 'ECONNRESET', message: 'read ECONNRESET' } })
  expect(recorder.finished().map(span => span.name)).toEqual(['BEGIN'])
  script.answer('q2', { error: { type: 'Error', code: null, message: 'Connection terminated' } })
  script.sessionEnd()
  expect(recorder.draw('error.type', 'db.response.status_code')).toBe(
    `INTERNAL enginelight.session writer
  CLIENT BEGIN type=ECONNRESET ! Error (ECONNRESET)
  CLIENT select orders type=Error ! Error`,
  )
  expect([recorder.unfinished(), recorder.instrumentation.openCount]).toEqual([[], 0])
})

test('a statement that was sent along with its BEGIN is in the transaction', () => {
  const { recorder, script } = start({ beginSpans: true })
  script.session()
  script.statement('q1', 'BEGIN; SET LOCAL statement_timeout = 5000')
  script.statement('q2', 'select * from orders where id = 4')
  script.answer('q1')
  script.transaction()
  script.answer('q2')
  script.transactionEnd('rolled back', 'rollback')
  script.sessionEnd()
  expect(recorder.draw('db.query.text')).toBe(
    `INTERNAL enginelight.session writer
  INTERNAL enginelight.transaction
    CLIENT BEGIN text=BEGIN; SET LOCAL statement_timeout = ?
    CLIENT select orders text=select * from orders where id = ?`,
  )
})

test('a BEGIN of which no transaction comes is told when the connection is used for something else', () => {
  const { recorder, script } = start()
  script.statement('q1', 'BEGIN; COMMIT', { session: null, request: null })
  script.answer('q1')
  script.statement('q2', 'select 1', { session: null, request: null })
  expect(recorder.finished().map(span => span.name)).toEqual(['BEGIN'])
  script.answer('q2')
  script.statement('q3', 'BEGIN', { session: null, request: null })
  script.answer('q3')
  script.released()
  expect(recorder.draw()).toBe('CLIENT BEGIN\nCLIENT select\nCLIENT BEGIN')
  expect(recorder.instrumentation.openCount).toBe(0)
})

test('a savepoint is a span around the statements that it can undo', () => {
  const { recorder, script } = start()
  script.session()
  script.transaction()
  const ids = { transaction: 't1' }
  const run = (id: string, text: string) => {
    script.statement(id, text, ids)
    script.answer(id)
  }
  run('q1', 'SAVEPOINT a')
  script.savepoint('a', 'set')
  run('q2', 'delete from a')
  run('q3', 'SAVEPOINT b')
  script.savepoint('b', 'set')
  run('q4', 'delete from b')
  run('q5', 'ROLLBACK TO SAVEPOINT b; RELEASE SAVEPOINT b')
  script.savepoint('b', 'rolled back')
  script.savepoint('b', 'released')
  run('q6', 'RELEASE a')
  script.savepoint('a', 'released')
  script.savepoint('outer', 'set')
  script.savepoint('inner', 'set')
  script.savepoint('outer', 'released')
  run('q7', 'SAVEPOINT c')
  script.savepoint('c', 'set')
  run('q8', 'COMMIT')
  script.transactionEnd()
  script.sessionEnd()
  expect(recorder.draw('enginelight.savepoint.name', 'enginelight.savepoint.outcome')).toBe(
    `INTERNAL enginelight.session writer
  INTERNAL enginelight.transaction
    CLIENT SAVEPOINT
    INTERNAL enginelight.savepoint name=a outcome=released
      CLIENT delete a
      INTERNAL enginelight.savepoint name=b outcome=rolled back
        CLIENT delete b
    CLIENT SAVEPOINT
    CLIENT ROLLBACK TO SAVEPOINT
    CLIENT RELEASE SAVEPOINT
    INTERNAL enginelight.savepoint name=outer outcome=released
      INTERNAL enginelight.savepoint name=inner outcome=released
    CLIENT SAVEPOINT
    INTERNAL enginelight.savepoint name=c outcome=committed
    CLIENT COMMIT`,
  )
})

test('a BEGIN that was not answered when its session ended is in the session', () => {
  const { recorder, script } = start()
  script.session()
  script.statement('q1', 'BEGIN')
  script.sessionEnd()
  expect(recorder.draw('enginelight.abandoned')).toBe(
    `INTERNAL enginelight.session writer\n  CLIENT BEGIN abandoned=its parent ended first`,
  )
  script.answer('q1')
  expect(recorder.instrumentation.openCount).toBe(0)
})

test('a BEGIN has no span of its own unless it is asked for: the span of the transaction begins where it was sent', () => {
  for (const isAnnouncedFirst of [true, false]) {
    const { recorder, script } = start()
    const before = script.now
    script.statement('q1', 'BEGIN', { session: null })
    if (isAnnouncedFirst) script.transaction('t1', { session: null })
    script.answer('q1')
    if (!isAnnouncedFirst) script.transaction('t1', { session: null })
    script.transactionEnd()
    const [span, ...others] = recorder.finished()
    expect([span?.name, span?.startTime, others]).toEqual([
      'enginelight.transaction',
      wallTime(before + 1),
      [],
    ])
    expect(recorder.instrumentation.openCount).toBe(0)
    recorder.instrumentation.disable()
  }
})
