import { expect, test } from 'vitest'
import { StatementTexts } from './statement-facts.ts'

const texts = () => new StatementTexts({ statementText: 'parameterised', maxTextLength: 100 })

test('what was read of a text is remembered, for the number of its parameters', () => {
  const known = texts()
  const first = known.of('postgresql', 'select * from orders limit 10', 1)
  expect([known.of('postgresql', 'select * from orders limit 10', 1) === first, first.text]).toEqual([
    true,
    'select * from orders limit 10',
  ])
  expect(known.of('postgresql', 'select * from orders limit 10', 0).text).toBe('select * from orders limit ?')
})

test('a text that holds literals is not kept in memory', () => {
  const known = texts()
  const text = "select * from orders where note = 'hunter2'"
  expect(known.of('postgresql', text, 0)).not.toBe(known.of('postgresql', text, 0))
})

test('control statements are known by what they do, without names', () => {
  const operations = {
    begin: 'BEGIN',
    'START  TRANSACTION READ ONLY': 'BEGIN',
    'commit;': 'COMMIT',
    end: 'COMMIT',
    'rollback and chain': 'ROLLBACK',
    ABORT: 'ROLLBACK',
    'rollback to x': 'ROLLBACK TO SAVEPOINT',
    'ROLLBACK TRANSACTION TO SAVEPOINT "x"': 'ROLLBACK TO SAVEPOINT',
    'savepoint x': 'SAVEPOINT',
    'release x': 'RELEASE SAVEPOINT',
    "prepare transaction 'gid'": 'PREPARE TRANSACTION',
    "commit prepared 'gid'": 'COMMIT PREPARED',
    "rollback prepared 'gid'": 'ROLLBACK PREPARED',
    '/* app */ -- begin\n commit': 'COMMIT',
    'set transaction read only': null,
    'select 1': null,
    'prepare p as select 1': null,
    beginning: null,
  }
  const known = texts()
  const actual = Object.fromEntries(
    Object.keys(operations).map(text => [text, known.of('postgresql', text, 0).control]),
  )
  expect(actual).toEqual(operations)
})
