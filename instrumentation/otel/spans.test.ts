import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { addReporting } from '../../server-lib/engines/engine-reports.ts'
import { wallTime } from './clock.ts'
import type { EnginelightInstrumentationConfig } from './index.ts'
import { record } from './testing/recorder.ts'
import { DESCRIPTION, Script } from './testing/script.ts'

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()))
afterAll(() => context.disable())

function start(config?: EnginelightInstrumentationConfig) {
  const recorder = record(config)
  onTestFinished(() => recorder.stop())
  const script = new Script()
  script.declare()
  const inside = <T>(name: string, fn: () => T): T =>
    recorder.tracerProvider
      .getTracer('app')
      .startActiveSpan(name, { startTime: wallTime(script.now) }, span => {
        try {
          return fn()
        } finally {
          span.end(wallTime(script.now))
        }
      })
  return { recorder, script, inside }
}

const UNDEFINED_TABLE = { type: 'DatabaseError', code: '42P01', message: 'relation "hunter2" does not exist' }

test('the statements of a transaction are inside it, BEGIN and COMMIT too, and it is inside its session', () => {
  const { recorder, script, inside } = start()
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
  const { recorder, script } = start()
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
  const { recorder, script } = start()
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

test('use of a watched pool outside of any session is under the span that it was started in', () => {
  const { recorder, script, inside } = start()
  const nobody = { session: null, request: null }
  inside('GET /report', () => script.statement('q1', 'select * from reports', nobody))
  script.answer('q1')
  inside('GET /transfer', () => script.statement('q2', 'BEGIN;', nobody))
  script.answer('q2')
  script.transaction('t1', nobody)
  script.statement('q3', 'update accounts set a = 1', { ...nobody, transaction: 't1' })
  script.answer('q3')
  script.statement('q4', 'ROLLBACK', { ...nobody, transaction: 't1' })
  script.answer('q4')
  script.transactionEnd('rolled back', 'rollback')
  expect(recorder.draw('enginelight.transaction.outcome')).toBe(
    `INTERNAL GET /report
  CLIENT select reports
INTERNAL GET /transfer
  INTERNAL enginelight.transaction outcome=rolled back
    CLIENT BEGIN
    CLIENT update accounts
    CLIENT ROLLBACK`,
  )
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

test('an error is told by its class and code; its message only when asked for', () => {
  for (const [errorMessages, status] of [
    [false, 'DatabaseError (42P01)'],
    [true, 'DatabaseError (42P01): relation "hunter2" does not exist'],
  ] as const) {
    const { recorder, script } = start({ errorMessages })
    script.session()
    script.transaction()
    script.statement('q1', 'select * from hunter3', { transaction: 't1' })
    script.transactionFailed('q1', UNDEFINED_TABLE)
    script.answer('q1', { error: UNDEFINED_TABLE })
    script.transactionEnd('rolled back', 'commit')
    script.sessionEnd()
    expect(recorder.draw('error.type', 'db.response.status_code', 'enginelight.transaction.failed_by')).toBe(
      `INTERNAL enginelight.session writer
  INTERNAL enginelight.transaction type=EL_COMMIT_ROLLED_BACK failed_by=q1 ! commit was answered with a rollback
    CLIENT select hunter3 type=42P01 status_code=42P01 ! ${status}`,
    )
    recorder.instrumentation.disable()
  }
})

test('a check-out has a span when it waited or failed, and the failed one names the holders', () => {
  const { recorder, script } = start()
  script.session()
  script.checkout('k1')
  script.acquired('k1', 0.9)
  script.checkout('k2')
  script.acquired('k2', 12)
  script.checkout('k3')
  script.checkoutFailed(
    { type: 'EnginelightError', code: 'EL_CHECKOUT_TIMEOUT', message: 'waited 1000 ms' },
    'k3',
  )
  script.checkout('k4', { session: null, request: null })
  script.acquired('k4', 3)
  script.sessionEnd()
  expect(
    recorder.draw(
      'enginelight.checkout.id',
      'enginelight.checkout.wait_time',
      'code.file.path',
      'code.line.number',
      'enginelight.connection.backend_pid',
      'error.type',
      'enginelight.checkout.holders',
    ),
  ).toBe(
    `INTERNAL enginelight.session writer
  INTERNAL enginelight.checkout id=k2 wait_time=0.012 path=src/orders.ts number=41 backend_pid=815
  INTERNAL enginelight.checkout id=k3 wait_time=1 path=src/orders.ts number=41 type=EL_CHECKOUT_TIMEOUT holders=c1 (pid 815) idle in transaction held 2000 ms by request u0 from src/slow.ts:7 ! EnginelightError (EL_CHECKOUT_TIMEOUT)
INTERNAL enginelight.checkout id=k4 wait_time=0.003 path=src/orders.ts number=41 backend_pid=815`,
  )
  expect(recorder.instrumentation.openCount).toBe(0)
})

test('every span says which engine, pool, connection, session and request it belongs to', () => {
  const { recorder, script } = start()
  script.session()
  script.transaction()
  script.statement('q1', "select * from orders where note = 'hunter2'", { transaction: 't1' })
  script.answer('q1', { rows: 3 })
  script.transactionEnd()
  script.sessionEnd('s1', { statements: 1 })
  const everywhere = {
    'db.system.name': 'postgresql',
    'db.namespace': 'shop',
    'server.address': 'db.example',
    'server.port': 5433,
    'db.client.connection.pool.name': 'writer',
    'enginelight.engine.name': 'writer',
    'enginelight.session.id': 's1',
    'enginelight.request.id': 'u1',
    'process.pid': 4711,
    'thread.id': 0,
  }
  const onConnection = {
    'enginelight.pool': 'writer#1',
    'enginelight.connection.id': 'c1',
    'enginelight.connection.backend_pid': 815,
    'enginelight.checkout.id': 'k1',
    'enginelight.transaction.id': 't1',
  }
  expect(Object.fromEntries(recorder.finished().map(span => [span.name, span.attributes]))).toEqual({
    'select orders': {
      ...everywhere,
      ...onConnection,
      'enginelight.slot': 0,
      'enginelight.statement.id': 'q1',
      'enginelight.statement.row.count': 3,
      'db.query.summary': 'select orders',
      'db.query.text': 'select * from orders where note = ?',
    },
    'enginelight.transaction': {
      ...everywhere,
      ...onConnection,
      'enginelight.transaction.outcome': 'committed',
      'enginelight.transaction.asked': 'commit',
      'enginelight.transaction.statement.count': 1,
    },
    'enginelight.session writer': {
      ...everywhere,
      'enginelight.session.mode': 'transaction',
      'enginelight.session.statement.count': 1,
    },
  })
})

test('the end of a session ends what is open in it first, and says so', () => {
  const { recorder, script } = start()
  script.session()
  script.transaction()
  script.savepoint('a', 'set')
  script.statement('q1', 'select * from orders', { transaction: 't1' })
  script.sessionEnd('s1', { released: false })
  expect(recorder.finished().map(span => span.name)).toEqual([
    'select orders',
    'enginelight.savepoint',
    'enginelight.transaction',
    'enginelight.session writer',
  ])
  expect(recorder.draw('enginelight.abandoned')).toBe(
    `INTERNAL enginelight.session writer ! its connection is not confirmed released
  INTERNAL enginelight.transaction abandoned=its parent ended first
    INTERNAL enginelight.savepoint abandoned=its parent ended first
      CLIENT select orders abandoned=its parent ended first`,
  )
  script.answer('q1')
  script.transactionEnd('lost', null)
  expect([recorder.finished().length, recorder.instrumentation.openCount]).toEqual([4, 0])
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

test('a request has a span of its own when asked for, above its sessions and its other statements', () => {
  const { recorder, script, inside } = start({ requestSpans: true })
  inside('GET /', () => {
    script.request()
    script.session('s1')
    script.session('s2')
    script.statement('q1', 'select * from a', { session: null })
    inside('render', () => script.statement('q2', 'select * from b', { session: null }))
    script.answer('q1')
    script.answer('q2')
    script.sessionEnd('s1')
    script.sessionEnd('s2')
    script.requestEnd('u1', 'finished', ['writer'])
  })
  expect(recorder.draw('enginelight.request.label', 'enginelight.request.unreleased')).toBe(
    `INTERNAL GET /
  INTERNAL enginelight.request label=POST /orders unreleased=writer ! not released: writer
    INTERNAL enginelight.session writer
    INTERNAL enginelight.session writer
    CLIENT select a
  INTERNAL render
    CLIENT select b`,
  )
})

test('statements of control and texts of statements can be left out', () => {
  const { recorder, script } = start({ controlStatements: false, statementText: 'none' })
  script.session()
  script.statement('q1', 'BEGIN')
  script.transaction()
  script.answer('q1')
  script.statement('q2', 'select * from orders', { transaction: 't1' })
  script.answer('q2')
  script.statement('q3', 'COMMIT', { transaction: 't1' })
  script.answer('q3')
  script.transactionEnd()
  script.sessionEnd()
  expect(recorder.draw('db.query.text', 'db.query.summary')).toBe(
    `INTERNAL enginelight.session writer
  INTERNAL enginelight.transaction
    CLIENT select orders summary=select orders`,
  )
})

test('a long text is cut, and a text that cannot be read names no span', () => {
  const { recorder, script } = start({ maxTextLength: 12 })
  script.statement('q1', 'select * from orders', { session: null })
  script.answer('q1')
  script.statement('q2', 'hunter2', { session: null })
  script.answer('q2')
  expect(recorder.draw('db.query.text')).toBe(
    `CLIENT select orders text=select * fr…\nCLIENT postgresql text=hunter2`,
  )
})

test('an engine that was declared before the instrumentation came is known by its report, or at least by its name', () => {
  const { recorder } = start()
  const description = { ...DESCRIPTION, engine: 'audit', database: 'ledger' }
  onTestFinished(
    addReporting({ report: () => ({ description, used: 0, idle: 0, connections: [], waiters: [] }) }),
  )
  for (const engine of ['audit', 'nobody']) {
    const script = new Script(engine)
    script.statement('q1', 'select 1', { session: null })
    script.answer('q1')
  }
  expect(recorder.draw('enginelight.engine.name', 'db.system.name', 'db.namespace')).toBe(
    'CLIENT select name=audit name=postgresql namespace=ledger\nCLIENT select name=nobody name=postgresql',
  )
})

test('nothing is recorded under a span that was not sampled', () => {
  const { recorder, script } = start()
  const unsampled = trace.setSpan(
    context.active(),
    trace.wrapSpanContext({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 0 }),
  )
  context.with(unsampled, () => script.session())
  script.statement('q1', 'select 1')
  script.answer('q1')
  script.sessionEnd()
  expect([recorder.draw(), recorder.instrumentation.openCount]).toEqual(['', 0])
})
