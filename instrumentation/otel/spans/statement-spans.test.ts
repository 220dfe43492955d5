import { expect, onTestFinished, test } from 'vitest'
import { sitesAreWanted } from '../../../server-lib/identity/wanted-sites.ts'
import { addReporting } from '../../../server-lib/channels/engine-reports.ts'
import { DESCRIPTION, Script } from '../testing/script.ts'
import { start } from '../testing/start.ts'

const UNDEFINED_TABLE = { type: 'DatabaseError', code: '42P01', message: 'relation "hunter2" does not exist' }

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
    CLIENT update accounts
    CLIENT ROLLBACK`,
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
    'CLIENT select name=audit name=postgresql namespace=ledger\nCLIENT select name=nobody name=other_sql',
  )
})

test('lines are asked for and told only when the options say so', () => {
  const site = { label: 'C:\\shop\\orders.ts:41', frames: [] }
  for (const lines of [false, true]) {
    const { recorder, script } = start({ lines })
    expect(sitesAreWanted()).toBe(lines)
    script.statement('q1', 'select * from orders', { session: null, site })
    script.answer('q1')
    // Lines are captured because another observer asks for them, as a panel does.
    script.checkout('k1', { session: null, request: null })
    script.acquired('k1', 3)
    script.commit('one-phase', [], { site })
    script.commitEnd('committed', {})
    expect(recorder.draw('code.file.path', 'code.line.number')).toBe(
      lines
        ? 'CLIENT select orders path=C:\\shop\\orders.ts number=41\nINTERNAL enginelight.checkout path=src/orders.ts number=41\nINTERNAL enginelight.commit path=C:\\shop\\orders.ts number=41'
        : 'CLIENT select orders\nINTERNAL enginelight.checkout\nINTERNAL enginelight.commit',
    )
    recorder.instrumentation.disable()
    expect(sitesAreWanted()).toBe(false)
  }
})
