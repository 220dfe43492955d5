import { context, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { start } from '../testing/start.ts'

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
