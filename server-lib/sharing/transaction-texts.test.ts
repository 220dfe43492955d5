import { postgres } from '../postgres/dialect.ts'
import { expect, test } from 'vitest'
import { NO_UNITS, translate, type Step, type Surroundings, type Units } from './transaction-texts.ts'

const usual: Surroundings = { dialect: postgres, policy: 'savepoint', failed: false }

/** Plays texts one after the other, each answered with success, and returns what was sent and answered. */
function play(texts: string[], around: Surroundings = usual): string[] {
  let units: Units = NO_UNITS
  const told: string[] = []
  const names = new Map<string, string>()
  for (const text of texts) {
    const step: Step = translate(units, text, text.endsWith('!') ? { ...around, failed: true } : around)
    told.push(
      tell(step).replaceAll(/el_b\d+/g, name => {
        if (!names.has(name)) names.set(name, `b${names.size + 1}`)
        return names.get(name) as string
      }),
    )
    if (step.act === 'answer' || step.act === 'send') units = step.units
  }
  told.push(`open: ${units.length}`)
  return told
}

function tell(step: Step): string {
  switch (step.act) {
    case 'pass':
      return 'pass'
    case 'answer':
      return `= ${step.command}${step.notice ? ` (${step.notice.code})` : ''}`
    case 'send':
      return `${step.text} = ${step.command}`
    case 'refuse':
      return `! ${step.error.message.split(': ')[1]}`
    default:
      throw step satisfies never
  }
}

test('BEGIN, COMMIT and ROLLBACK are a savepoint, kept or undone', () => {
  expect(play(['begin', 'insert into t values (1)', 'commit', 'start transaction', 'abort'])).toEqual([
    'SAVEPOINT b1 = BEGIN',
    'pass',
    'RELEASE SAVEPOINT b1 = COMMIT',
    'SAVEPOINT b2 = BEGIN',
    'ROLLBACK TO SAVEPOINT b2; RELEASE SAVEPOINT b2 = ROLLBACK',
    'open: 0',
  ])
})

test('a COMMIT after a failure is answered with ROLLBACK', () => {
  let step = translate(NO_UNITS, 'begin', usual)
  const { units } = step as Extract<Step, { act: 'send' }>
  step = translate(units, 'commit', { ...usual, failed: true })
  expect(step).toMatchObject({ act: 'send', command: 'ROLLBACK', units: [], unitsAfterError: [] })
})

test('BEGIN in a transaction and an end without one are warned of and not sent', () => {
  expect(play(['begin', 'begin', 'commit', 'commit', 'rollback', 'commit and chain'])).toEqual([
    'SAVEPOINT b1 = BEGIN',
    '= BEGIN (25001)',
    'RELEASE SAVEPOINT b1 = COMMIT',
    '= COMMIT (25P01)',
    '= ROLLBACK (25P01)',
    '! no transaction of the sender is open.',
    'open: 0',
  ])
})

test('savepoints of the sender have names that nobody else has, and end with his transaction', () => {
  expect(
    play([
      'begin',
      'savepoint "A b"',
      'savepoint x',
      'savepoint X',
      'rollback to x',
      'release x',
      'rollback to savepoint "A b"',
      'release x',
      'commit',
      'release "A b"',
    ]),
  ).toEqual([
    'SAVEPOINT b1 = BEGIN',
    expect.stringMatching(/^SAVEPOINT b2_[0-9a-f]{8} = SAVEPOINT$/),
    'SAVEPOINT b3_x = SAVEPOINT',
    'SAVEPOINT b4_x = SAVEPOINT',
    'ROLLBACK TO SAVEPOINT b4_x = ROLLBACK',
    'RELEASE SAVEPOINT b4_x = RELEASE',
    expect.stringMatching(/^ROLLBACK TO SAVEPOINT b2_[0-9a-f]{8} = ROLLBACK$/),
    '! the sender has no savepoint "x" open.',
    'RELEASE SAVEPOINT b1 = COMMIT',
    '! the sender has no savepoint "A b" open.',
    'open: 0',
  ])
})

test('a savepoint behind a transaction that was begun in it is out of reach', () => {
  expect(play(['savepoint a', 'begin', 'rollback to a', 'rollback', 'rollback to a'])).toEqual([
    'SAVEPOINT b1_a = SAVEPOINT',
    'SAVEPOINT b2 = BEGIN',
    '! the sender has no savepoint "a" open.',
    'ROLLBACK TO SAVEPOINT b2; RELEASE SAVEPOINT b2 = ROLLBACK',
    'ROLLBACK TO SAVEPOINT b1_a = ROLLBACK',
    'open: 1',
  ])
})

test('AND CHAIN begins the next one, and READ ONLY goes along', () => {
  expect(play(['begin read only', 'commit and chain', 'rollback and chain', 'commit'])).toEqual([
    'SAVEPOINT b1; SET TRANSACTION READ ONLY = BEGIN',
    'RELEASE SAVEPOINT b1; SAVEPOINT b2; SET TRANSACTION READ ONLY = COMMIT',
    'ROLLBACK TO SAVEPOINT b2; RELEASE SAVEPOINT b2; SAVEPOINT b3; SET TRANSACTION READ ONLY = ROLLBACK',
    'RELEASE SAVEPOINT b3 = COMMIT',
    'open: 0',
  ])
})

test('an isolation that the open transaction does not have is refused, any other goes without saying', () => {
  const strict = 'begin isolation level serializable'
  expect(play([strict, 'begin isolation level read uncommitted', 'commit'])).toEqual([
    '! it asks for serializable, and the transaction that is open is not known to be that.',
    'SAVEPOINT b1 = BEGIN',
    'RELEASE SAVEPOINT b1 = COMMIT',
    'open: 0',
  ])
  expect(
    play([strict, 'set transaction isolation level repeatable read'], {
      ...usual,
      isolation: 'serializable',
    }),
  ).toEqual(['SAVEPOINT b1 = BEGIN', '= SET', 'open: 1'])
})

test("'ignore' answers and sends nothing, but for savepoints", () => {
  expect(
    play(['begin', 'savepoint a', 'rollback to a', 'commit', 'rollback'], { ...usual, policy: 'ignore' }),
  ).toEqual([
    '= BEGIN',
    'SAVEPOINT b1_a = SAVEPOINT',
    'ROLLBACK TO SAVEPOINT b1_a = ROLLBACK',
    '= COMMIT',
    '= ROLLBACK',
    'open: 0',
  ])
})

test("'error' refuses, and every policy refuses what nobody could translate", () => {
  const refused = "! transactionControl is 'error'."
  expect(play(['begin', 'commit', 'rollback', 'savepoint a'], { ...usual, policy: 'error' })).toEqual([
    refused,
    refused,
    refused,
    'SAVEPOINT b1_a = SAVEPOINT',
    'open: 1',
  ])
  const texts = [
    "prepare transaction 'secret'",
    "commit prepared 'secret'",
    'begin; commit',
    "set x = 'secret'",
  ]
  for (const policy of ['savepoint', 'ignore', 'error'] as const) {
    for (const text of texts) {
      const step = translate(NO_UNITS, text, { ...usual, policy })
      expect(step).toMatchObject({ act: 'refuse', error: { code: 'EL_TRANSACTION_CONTROL' } })
      expect(tell(step)).not.toContain('secret')
    }
  }
})
