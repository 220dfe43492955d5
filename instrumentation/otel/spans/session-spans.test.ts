import { context, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { start } from '../testing/start.ts'

const DATABASE = {
  'db.system.name': 'postgresql',
  'db.namespace': 'shop',
  'server.address': 'db.example',
  'server.port': 5433,
}
const ENGINE = {
  ...DATABASE,
  'db.client.connection.pool.name': 'writer',
  'enginelight.engine.name': 'writer',
  'process.pid': 4711,
  'thread.id': 0,
}
const CONNECTION = { 'enginelight.connection.id': 'c1', 'enginelight.connection.backend_pid': 815 }
const TRANSACTION = {
  ...CONNECTION,
  'enginelight.engine.name': 'writer',
  'enginelight.pool': 'writer#1',
  'enginelight.checkout.id': 'k1',
  'enginelight.transaction.id': 't1',
  'enginelight.transaction.outcome': 'committed',
  'enginelight.transaction.asked': 'commit',
  'enginelight.transaction.statement.count': 1,
}
const STATEMENT = {
  ...DATABASE,
  ...CONNECTION,
  'enginelight.statement.id': 'q1',
  'enginelight.statement.row.count': 3,
  'db.query.summary': 'select orders',
  'db.query.text': 'select * from orders where note = ?',
}

/** The attributes of each span by its name, for a statement in a transaction, or in none. */
function attributesOf(session: string | null, transaction: string | null) {
  const { recorder, script } = start()
  const request = session && 'u1'
  if (session) script.session(session)
  if (transaction) script.transaction(transaction, { session, request })
  const text = "select * from orders where note = 'hunter2'"
  script.statement('q1', text, { transaction, session, request })
  script.answer('q1', { rows: 3 })
  if (transaction) script.transactionEnd()
  if (session) script.sessionEnd(session, { statements: 1 })
  return Object.fromEntries(recorder.finished().map(span => [span.name, span.attributes]))
}

test('the outermost span says which engine, session and request it is of, and each span inside what is its own', () => {
  expect(attributesOf('s1', 't1')).toEqual({
    'enginelight.session writer': {
      ...ENGINE,
      'enginelight.session.id': 's1',
      'enginelight.request.id': 'u1',
      'enginelight.session.mode': 'transaction',
      'enginelight.session.statement.count': 1,
    },
    'enginelight.transaction': TRANSACTION,
    'select orders': STATEMENT,
  })
})

test('outside of sessions a transaction or a single statement is the outermost', () => {
  expect(attributesOf(null, 't1')).toEqual({
    'enginelight.transaction': { ...ENGINE, ...TRANSACTION },
    'select orders': STATEMENT,
  })
  expect(attributesOf(null, null)).toEqual({
    'select orders': {
      ...STATEMENT,
      'enginelight.engine.name': 'writer',
      'enginelight.pool': 'writer#1',
      'enginelight.slot': 0,
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
