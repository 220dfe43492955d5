import { expect, onTestFinished, test } from 'vitest'
import { record } from './testing/recorder.ts'
import { Script } from './testing/script.ts'
import type { EnginelightInstrumentationConfig } from './index.ts'

function start(config?: EnginelightInstrumentationConfig) {
  const recorder = record(config)
  onTestFinished(() => recorder.stop())
  const script = new Script()
  script.declare()
  return { recorder, script }
}

const UNDEFINED_TABLE = { type: 'DatabaseError', code: '42P01', message: 'relation "hunter2" does not exist' }

test('the statements of a transaction are inside it, BEGIN and COMMIT too, and it is inside its session', () => {
  const { recorder, script } = start()
  script.session()
  script.checkout()
  script.acquired('k1', 0.2)
  script.statement('q1', 'BEGIN')
  script.transaction()
  script.answer('q1', { command: 'BEGIN' })
  script.statement('q2', 'insert into "orders" ("a") values ($1)', { transaction: 't1', parameters: 1 })
  script.answer('q2', { rows: 1, command: 'INSERT' })
  script.statement('q3', 'COMMIT', { transaction: 't1' })
  script.transactionEnd('committed')
  script.answer('q3', { command: 'COMMIT' })
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
    `INTERNAL enginelight.session writer
  INTERNAL enginelight.transaction outcome=committed
    CLIENT BEGIN name=BEGIN text=BEGIN
    CLIENT insert orders text=insert into "orders" ("a") values ($1) count=1
    CLIENT COMMIT name=COMMIT text=COMMIT`,
  )
  expect(recorder.unfinished()).toEqual([])
})
